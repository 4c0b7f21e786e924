"""Rules that compare patients, for a raw table in partitions: no id twice, no measurements twice.

Ids and digests of the measurements are brought together. The rules are then given only the rows whose key is repeated,
so that measurements of equal digests are compared exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from wdbc_assets.domain.data import contract, membership, reading
from wdbc_assets.domain.rules import cells, schemas
from wdbc_assets.domain.rules.base import MISSING_ID

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import DTypeLike, NDArray

    from wdbc_assets.domain.data.partitions import Partitions
    from wdbc_assets.domain.rules.findings import Finding

MOST_REPEATED = 2**18
"""How many repeated rows are fetched and compared."""

RULES = (cells.id_is_unique, cells.no_patient_is_duplicated, cells.no_contradicting_diagnoses)


@dataclass(frozen=True)
class Keys:
    """What rows of a raw table are compared by: lines, ids, digests, and whether all measurements are there."""

    lines: pd.Index[int]
    ids: NDArray[np.int64]
    digests: NDArray[np.uint64]
    complete: NDArray[np.bool_]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Keys:
        """Return the keys of the rows of a raw table."""
        present = ~np.isnan(frame[list(contract.FEATURES)].to_numpy()).any(axis=1)
        ids = frame[contract.ID].to_numpy(dtype="int64", na_value=MISSING_ID)
        return cls(frame.index, ids, membership.digests(frame), present)


def findings(partitions: Partitions[reading.RawTable], keys: Sequence[Keys]) -> dict[str, Finding]:
    """Return the findings of `RULES` for a table in partitions, given the keys of each.

    Of more than `MOST_REPEATED` rows with repeated measurements, only so many are fetched, compared and counted: those
    of the patients who come first.
    """
    rows = sum(len(part.ids) for part in keys)
    ids = joined([part.ids for part in keys], np.int64)
    repeated = _repeated(ids)
    same_id = {contract.ID: ids[repeated], reading.LINE: _lines(keys, repeated)}
    del ids
    digests, complete = (
        joined([part.digests for part in keys], np.uint64),
        joined([part.complete for part in keys], bool),
    )
    repeated = _repeated(digests)
    repeated = _first_groups(digests, repeated[complete[repeated]])  # a missing cell equals nothing
    lines = _lines(keys, repeated)
    fetched = partitions.map(partial(_on_lines, lines)) if len(lines) else []
    twins = {name: np.concatenate([part[name] for part in fetched]) for name in fetched[0]} if fetched else {}
    results = {}
    for rule in RULES:
        suspects = same_id if rule == cells.id_is_unique else {**twins, reading.LINE: lines}
        if len(suspects[reading.LINE]):
            results[rule.name], _ = schemas.of_cells(rule, suspects, len(suspects[reading.LINE]), {})
        if rule.name not in results or results[rule.name].passed:
            results[rule.name] = schemas.passed(rule, rows)
    return results


def _repeated(keys: NDArray[Any]) -> NDArray[np.intp]:
    """Return the positions of the keys that occur more than once."""
    ordered = np.sort(keys)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(twice):
        return np.empty(0, dtype=np.intp)
    places = np.searchsorted(twice, keys)
    return np.flatnonzero(twice[np.minimum(places, len(twice) - 1)] == keys)


def _first_groups(keys: NDArray[np.uint64], repeated: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return at most `MOST_REPEATED` of the positions, so that those with one key stay together."""
    _, first, group = np.unique(keys[repeated], return_index=True, return_inverse=True)
    return np.sort(repeated[np.argsort(first[group], kind="stable")[:MOST_REPEATED]])


def _lines(keys: Sequence[Keys], positions: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the lines of rows, given their positions in the whole table."""
    if not len(positions):
        return np.empty(0, dtype=np.int64)
    return joined([part.lines.to_numpy() for part in keys], np.int64)[positions]


def joined(parts: Sequence[NDArray[Any]], dtype: DTypeLike) -> NDArray[Any]:
    """Return arrays of the partitions as one, of which there may be none."""
    return np.concatenate([np.empty(0, dtype=dtype), *parts])


def _on_lines(lines: NDArray[np.int64], part: reading.RawTable) -> dict[str, NDArray[Any]]:
    return dict(schemas.columns_of(part.frame[part.frame.index.isin(lines)]))
