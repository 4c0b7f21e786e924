"""The types of rules: a name, a description, a hint, and a function that returns violations.

Rules for cells and tables take arrays by column name, so that the same rule validates a table, a batch of a file to
score, and a request of the service. The rules themselves are in `cells`, `tables` and `splits`; `groups` lists the
rules of each table. None of these modules imports NumPy at the top, so checks can be listed quickly.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from wdbc_assets.domain.data import splitting

MISSING_ID = -(2**63)
"""What stands in an array of ids for an id that is not an integer. It is smaller than any id that can be read."""

# Arrays of equal length by the name of their column: float64 for measurements, NaN where one is missing; int64 for ids;
# letters (objects) or 0 and 1 (int64) for diagnoses. A raw table also has `reading.LINE`: the lines of its rows.
Columns: TypeAlias = "Mapping[str, np.ndarray]"
# A column, and a mask of the rows whose cell violates the rule.
CellFaults: TypeAlias = "Iterator[tuple[str, np.ndarray]]"
# A column, and a sentence with the actual and the required value. It never contains a single patient's value.
TableFaults: TypeAlias = Iterator[tuple[str, str]]
# A row of a set (from 1) or None, the name of the set, and a sentence without patients' values.
SplitFaults: TypeAlias = Iterator[tuple[int | None, str, str]]


@dataclass(frozen=True)
class Rule:
    """A rule's name, its requirement, what to do about a violation, and whether a violation blocks the data."""

    name: str
    description: str
    hint: str
    blocking: bool = True


@dataclass(frozen=True, kw_only=True)
class StructureRule(Rule):
    """A rule for column names or types.

    `reasons` are Pandera's reason codes for a violation. If it is violated, no other rule can be checked.
    """

    reasons: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class CellRule(Rule):
    """A rule for cells or rows: `faults(columns)` yields each checked column once, with a mask of its violations."""

    faults: Callable[[Columns], CellFaults]


@dataclass(frozen=True, kw_only=True)
class TableRule(Rule):
    """A rule for a table as a whole: `faults(columns)` yields table faults."""

    faults: Callable[[Columns], TableFaults]


@dataclass(frozen=True, kw_only=True)
class SplitRule(Rule):
    """A rule for a split and its clean frame: `faults(split, frame)` yields split faults."""

    faults: "Callable[[splitting.Split, pd.DataFrame], SplitFaults]"


@dataclass(frozen=True, kw_only=True)
class ResultRule(Rule):
    """A rule for a result, such as the metrics: `faults(result)` returns a line for each violation.

    A line has the form `name is value, needed: bound`.
    """

    faults: Callable[[Any], list[str]]


_KindT = TypeVar("_KindT", CellRule, TableRule, SplitRule)


def rule(kind: type[_KindT], *, hint: str, blocking: bool = True) -> Callable[[Callable[..., Iterator[Any]]], _KindT]:
    """Turn a function into a rule, named after the function and described by its docstring."""

    def named(faults: Callable[..., Iterator[Any]]) -> _KindT:
        return kind(faults.__name__, " ".join((faults.__doc__ or "").split()), hint, blocking, faults=faults)

    return named
