"""Validation of a raw table in partitions, by the rules of the cells, and by those that compare patients.

Cells are validated where they lie. Ids and measurements must be unique across partitions: the digest of each is brought
together (16 bytes for each patient), and only rows whose digests agree are fetched and compared exactly. The number of
patients of each class is counted. The medians of the whole table are not compared with the usual ones here. This module
imports numpy and pandas, so callers import it inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.data import contract, membership, preconditions
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.rules import cells, groups, schemas
from wdbc_assets.domain.rules.base import MISSING_ID, CellRule

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from wdbc_assets.domain.data.partitions import Partitions

    Keys = tuple[NDArray[np.int64], NDArray[np.uint64]]


_ACROSS = (cells.id_is_unique, cells.no_patient_is_duplicated, cells.no_contradicting_diagnoses)


@dataclass(frozen=True)
class RawPart:
    """A partition of a raw table: its file and row group, and its rows in the form of `reading.RawTable.frame`.

    `first` is the number of its first row within the file, from 1.
    """

    where: str
    first: int
    frame: pd.DataFrame

    def place(self, position: int) -> str:
        """Return where a row is, given its position within the partition."""
        return f"{self.where}, row {self.first + position}"


@dataclass(frozen=True)
class _Checked:
    rows: int
    malignant: int
    broken: tuple[tuple[str, str, str, int], ...]  # rule, place of the first row, column, rows


def validate(partitions: Partitions[RawPart]) -> None:
    """Validate a table in partitions, of which some may be empty or hold one class only.

    Raises:
        WdbcError: a rule is broken, or a class has too few patients in all; it names the rule, the file and the row.
    """
    checked = partitions.map(_check)
    rules = {rule.name: rule for rule in groups.RAW_RULES}
    for name, rule in rules.items():
        found = [one for part in checked for one in part.broken if one[0] == name]
        if found:
            _, place, column, _ = found[0]
            rows = sum(one[3] for one in found)
            raise WdbcError(
                f"{name}: {column}, {rows} rows, the first one here. {rule.description}", where=place, hint=rule.hint
            )
    _require_unique(partitions)
    malignant, rows = sum(one.malignant for one in checked), sum(one.rows for one in checked)
    preconditions.require_counts(malignant, rows - malignant, of_each=contract.LEAST_PER_CLASS)


def _check(part: RawPart) -> _Checked:
    columns = schemas.columns_of(part.frame)
    broken = []
    with np.errstate(over="ignore", invalid="ignore"):
        for rule in groups.RAW_RULES if len(part.frame) else ():
            if not isinstance(rule, CellRule) or rule in _ACROSS:
                continue
            for column, mask in rule.faults(columns):
                if mask.any():
                    broken.append((rule.name, part.place(int(mask.argmax())), column, int(mask.sum())))
                    break
    malignant = int((part.frame[contract.DIAGNOSIS] == "M").sum())
    return _Checked(len(part.frame), malignant, tuple(broken))


def _require_unique(partitions: Partitions[RawPart]) -> None:
    keys = partitions.map(_keys)
    for which in (0, 1):
        repeated = _repeated(np.concatenate([part[which] for part in keys]))
        if not len(repeated):
            continue
        seen: dict[tuple[float, ...], tuple[str, str]] = {}
        for suspects in partitions.map(partial(_suspects, which, repeated)):
            for place, values, diagnosis in suspects:
                if values not in seen:
                    seen[values] = place, diagnosis
                    continue
                other, of_other = seen[values]
                twins = cells.no_patient_is_duplicated if diagnosis == of_other else cells.no_contradicting_diagnoses
                rule = twins if which else cells.id_is_unique
                what = f"{rule.name}: the same values as in {other}. {rule.description}"
                raise WdbcError(what, where=place, hint=rule.hint)


def _keys(part: RawPart) -> Keys:
    """Return id and digest of the measurements of each row."""
    return part.frame[contract.ID].to_numpy(dtype="int64", na_value=MISSING_ID), membership.digests(part.frame)


def _repeated(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    ordered = np.sort(keys)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _suspects(which: int, repeated: NDArray[np.int64], part: RawPart) -> list[tuple[str, tuple[float, ...], str]]:
    """Return place, values and diagnosis of the rows whose key occurs more than once."""
    rows = np.flatnonzero(np.isin(_keys(part)[which], repeated))
    columns = [contract.ID] if which == 0 else list(contract.FEATURES)
    values = part.frame[columns].iloc[rows].itertuples(index=False, name=None)
    diagnoses = part.frame[contract.DIAGNOSIS].iloc[rows]
    return [(part.place(int(row)), of, str(label)) for row, of, label in zip(rows, values, diagnoses, strict=True)]
