"""What a rule is: a name, a demand, a hint, and a function that yields what breaks it.

The rules themselves stand in `cell_rules`, `table_rules` and `split_rules`; which of them a table must keep, in
`rules`. Nothing heavy is imported in any of these, so that checks can be named without pandas.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    import numpy as np

# A column, and a mask of the rows whose cell breaks the rule.
CellFaults: TypeAlias = "Iterator[tuple[str, np.ndarray]]"
# A column, and a sentence with what was found and what is needed. It holds no single patient's value.
TableFaults: TypeAlias = Iterator[tuple[str, str]]
# A row of a part (from 1), or None; the part; and a sentence. It holds no patient's value either.
SplitFaults: TypeAlias = Iterator[tuple[int | None, str, str]]


@dataclass(frozen=True)
class Rule:
    """A rule's name, what it demands, what to do when it is broken, and whether the data are refused then."""

    name: str
    description: str
    hint: str
    blocking: bool = True


@dataclass(frozen=True, kw_only=True)
class StructureRule(Rule):
    """Holds of names or types of columns; `reasons` are Pandera's words for a breach. Broken, it hides all others."""

    reasons: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class CellRule(Rule):
    """Holds of cells or rows: `faults(frame)` yields each column looked at, once, with a mask of its faults."""

    faults: Callable[..., CellFaults]


@dataclass(frozen=True, kw_only=True)
class TableRule(Rule):
    """Holds of a table as a whole: `faults(frame)` yields table faults."""

    faults: Callable[..., TableFaults]


@dataclass(frozen=True, kw_only=True)
class SplitRule(Rule):
    """Holds of a split and the frame that it is of: `faults(split, frame)` yields split faults."""

    faults: Callable[..., SplitFaults]


_KindT = TypeVar("_KindT", CellRule, TableRule, SplitRule)


def rule(kind: type[_KindT], *, hint: str, blocking: bool = True) -> Callable[[Callable[..., Iterator[Any]]], _KindT]:
    """Make a rule of a function: the function's name is the rule's, its docstring what the rule demands."""

    def named(faults: Callable[..., Iterator[Any]]) -> _KindT:
        return kind(faults.__name__, " ".join((faults.__doc__ or "").split()), hint, blocking, faults=faults)

    return named
