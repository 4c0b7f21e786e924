"""Validation of tables in partitions: the same findings as `schemas` has for the same table in one piece.

Cells are validated where they lie. Rules for a table as a whole are given its columns, a few at a time. Rules that
compare patients are given the rows that are repeated: ids and digests of all rows are brought together (26 bytes for
each patient), and the measurements of equal digests are fetched and compared exactly. This module imports numpy and
pandas, so callers import it inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from wdbc_assets.domain.data import contract, membership, reading
from wdbc_assets.domain.data.failures import SHOWN, Failure
from wdbc_assets.domain.rules import cells, groups, schemas, tables
from wdbc_assets.domain.rules.base import MISSING_ID, CellRule, Rule, StructureRule, TableRule
from wdbc_assets.domain.rules.columns import ColumnsOf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import DTypeLike, NDArray

    from wdbc_assets.domain.data.partitions import Partitions
    from wdbc_assets.domain.rules.columns import HasFrame
    from wdbc_assets.domain.rules.findings import Finding

MOST_REPEATED = 2**18
"""How many repeated rows are fetched and compared."""

_IN_ORDER = tables.row_order_is_not_a_feature
_ACROSS = (cells.id_is_unique, cells.no_patient_is_duplicated, cells.no_contradicting_diagnoses)


@dataclass(frozen=True)
class CleanPart:
    """A partition of a clean frame; `first` is the position of its first row in the frame, from 0."""

    first: int
    frame: pd.DataFrame


@dataclass(frozen=True)
class _Keys:
    """What rows of a raw table are compared by: lines, ids, digests, and whether all measurements are there."""

    lines: pd.Index[int]
    ids: NDArray[np.int64]
    digests: NDArray[np.uint64]
    complete: NDArray[np.bool_]


@dataclass(frozen=True)
class _Checked:
    """A partition: what its structure breaks, the findings of its rules, and 1 or 0, or -1, for each diagnosis."""

    broken: tuple[tuple[StructureRule, Failure], ...]
    findings: dict[str, Finding]
    diagnoses: NDArray[np.int8]
    keys: _Keys | None = None


def validate_raw(partitions: Partitions[reading.RawTable]) -> list[Finding]:
    """Validate a raw table in partitions, of which some may be empty or hold one class only.

    The index of each frame has the numbers of its lines within the whole table, so that none occurs twice. Of more than
    `MOST_REPEATED` rows with repeated measurements, only so many are fetched, compared and counted: those of the
    patients who come first.
    """
    checked = partitions.map(_check_raw)
    keys = [part.keys for part in checked if part.keys is not None]
    across = _across(partitions, keys)
    given: dict[str, NDArray[Any]] = {}
    if sum(map(len, (part.diagnoses for part in checked))) < contract.PUBLISHED_ROWS:
        given[reading.LINE] = _joined(
            [one.lines.to_numpy() for one in keys], np.int64
        )  # to name the last line of a cut file
    return _findings(groups.RAW_RULES, partitions, checked, across, given, noun=reading.LINE)


def validate_clean(partitions: Partitions[CleanPart]) -> list[Finding]:
    """Validate a clean frame in partitions; rows are identified by their position from 1."""
    return _findings(groups.CLEAN_RULES, partitions, partitions.map(_check_clean), {}, {}, noun="row")


def _check_raw(part: reading.RawTable) -> _Checked:
    group = [rule for rule in groups.RAW_RULES if isinstance(rule, CellRule) and rule not in _ACROSS]
    evaluation = schemas.Evaluation.of(part)
    schemas.breaches(schemas.raw(evaluation, group), part.frame, groups.RAW_RULES)
    measurements = part.frame[list(contract.FEATURES)].to_numpy()
    keys = _Keys(
        part.frame.index,
        part.frame[contract.ID].to_numpy(dtype="int64", na_value=MISSING_ID),
        membership.digests(part.frame),
        ~np.isnan(measurements).any(axis=1),
    )
    return _Checked((), evaluation.result(), _diagnoses(part.frame), keys)


def _check_clean(part: CleanPart) -> _Checked:
    group = [rule for rule in groups.CLEAN_RULES if isinstance(rule, CellRule) or rule == _IN_ORDER]
    evaluation = schemas.Evaluation()
    broken = schemas.breaches(schemas.clean(evaluation, group), part.frame, groups.CLEAN_RULES)
    if broken:
        return _Checked(tuple(broken), {}, np.full(len(part.frame), -1, dtype=np.int8))
    found = {name: _moved(finding, part.first) for name, finding in evaluation.result().items()}
    return _Checked((), found, _diagnoses(part.frame))


def _moved(finding: Finding, rows: int) -> Finding:
    failures = [one if one.row is None else replace(one, row=one.row + rows) for one in finding.failures]
    return replace(finding, failures=tuple(failures))


def _diagnoses(frame: pd.DataFrame) -> NDArray[np.int8]:
    codes = np.full(len(frame), -1, dtype=np.int8)
    columns = {contract.DIAGNOSIS: frame[contract.DIAGNOSIS].to_numpy()}
    for label, code in contract.LABELS.items():
        codes[tables.of_class(columns, label)] = code
    return codes


def _findings(
    group: Sequence[Rule],
    partitions: Partitions[HasFrame],
    checked: Sequence[_Checked],
    across: Mapping[str, Finding],
    given: Mapping[str, NDArray[Any]],
    *,
    noun: str,
) -> list[Finding]:
    diagnoses = _joined([part.diagnoses for part in checked], np.int8)
    rows = len(diagnoses)
    broken = list(dict.fromkeys(one for part in checked for one in part.broken))
    if broken:
        return [schemas.structure_finding(rule, broken, rows) for rule in group]
    columns = ColumnsOf(partitions, {contract.DIAGNOSIS: diagnoses, **given})
    findings = []
    for rule in group:
        if rule.name in across:
            findings.append(across[rule.name])
        elif isinstance(rule, CellRule):
            found = [part.findings[rule.name] for part in checked]
            failures = [failure for one in found for failure in one.failures][:SHOWN]
            count = sum(one.count for one in found)
            findings.append(schemas.cell_finding(rule, count, failures, rows, noun=noun))
        elif isinstance(rule, TableRule) and not (rule == _IN_ORDER and any(map(_has_no_order, checked))):
            with np.errstate(over="ignore", invalid="ignore"):
                findings.append(schemas.of_table(rule, columns, rows))
        else:
            findings.append(schemas.passed(rule, rows))
    return findings


def _has_no_order(part: _Checked) -> bool:
    """Return whether no column is in order: one that is not in order in a partition is not in the whole table."""
    enough = len(part.diagnoses) >= 2 * contract.LEAST_PER_CLASS  # of fewer rows, the rule says nothing
    return enough and part.findings[_IN_ORDER.name].passed


def _across(partitions: Partitions[reading.RawTable], keys: Sequence[_Keys]) -> dict[str, Finding]:
    """Return the findings of the rules that compare patients."""
    rows = sum(len(one.ids) for one in keys)
    ids = _joined([one.ids for one in keys], np.int64)
    repeated = _repeated(ids)
    same_id = {contract.ID: ids[repeated], reading.LINE: _lines(keys, repeated)}
    del ids
    digests, complete = _joined([one.digests for one in keys], np.uint64), _joined([one.complete for one in keys], bool)
    repeated = _repeated(digests)
    repeated = _first_groups(digests, repeated[complete[repeated]])  # a missing cell equals nothing
    lines = _lines(keys, repeated)
    fetched = partitions.map(partial(_on_lines, lines)) if len(lines) else []
    twins = {name: np.concatenate([part[name] for part in fetched]) for name in fetched[0]} if fetched else {}
    found = {}
    for rule in _ACROSS:
        suspects = same_id if rule == cells.id_is_unique else {**twins, reading.LINE: lines}
        if len(suspects[reading.LINE]):
            found[rule.name], _ = schemas.of_cells(rule, suspects, len(suspects[reading.LINE]), {})
        if rule.name not in found or found[rule.name].passed:
            found[rule.name] = schemas.passed(rule, rows)
    return found


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


def _lines(keys: Sequence[_Keys], positions: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the lines of rows, given their positions in the whole table."""
    if not len(positions):
        return np.empty(0, dtype=np.int64)
    return _joined([one.lines.to_numpy() for one in keys], np.int64)[positions]


def _joined(parts: Sequence[NDArray[Any]], dtype: DTypeLike) -> NDArray[Any]:
    return np.concatenate([np.empty(0, dtype=dtype), *parts])


def _on_lines(lines: NDArray[np.int64], part: reading.RawTable) -> dict[str, NDArray[Any]]:
    return dict(schemas.columns_of(part.frame[part.frame.index.isin(lines)]))
