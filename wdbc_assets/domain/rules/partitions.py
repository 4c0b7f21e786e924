"""Validation of tables in partitions: the same findings as `schemas` has for the same table in one piece.

Cells are validated where they lie. Rules for a table as a whole are given its columns, a few at a time. Rules that
compare patients are given the rows that are repeated: ids and digests of all rows are brought together (18 bytes for
each patient, and twice as many to compare them). This module imports numpy and pandas, so callers import it inside
functions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from wdbc_assets.domain.data import contract, membership, reading
from wdbc_assets.domain.data.failures import SHOWN, Failure
from wdbc_assets.domain.rules import across, groups, schemas, splits, tables
from wdbc_assets.domain.rules.across import joined
from wdbc_assets.domain.rules.base import CellRule, Rule, SplitRule, StructureRule, TableRule
from wdbc_assets.domain.rules.columns import ColumnsOf

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from wdbc_assets.domain.data import splitting
    from wdbc_assets.domain.data.partitions import Partitions
    from wdbc_assets.domain.rules.columns import HasFrame
    from wdbc_assets.domain.rules.findings import Finding

_IN_ORDER = tables.row_order_is_not_a_feature
_OF_DIAGNOSIS = np.uint64(0x9E3779B97F4A7C15)  # an odd number with bits in all places: 2^64 over the golden ratio


@dataclass(frozen=True)
class CleanPart:
    """A partition of a clean frame; `first` is the position of its first row in the frame, from 0."""

    first: int
    frame: pd.DataFrame


@dataclass(frozen=True)
class _Checked:
    """A partition: what its structure breaks, the findings of its rules, and 1 or 0, or -1, for each diagnosis."""

    broken: tuple[tuple[StructureRule, Failure], ...]
    findings: dict[str, Finding]
    diagnoses: NDArray[np.int8]
    keys: across.Keys | None = None


def validate_raw(partitions: Partitions[reading.RawTable]) -> list[Finding]:
    """Validate a raw table in partitions, of which some may be empty or hold one class only.

    The index of each frame has the numbers of its lines within the whole table, so that none occurs twice. If more than
    `across.MOST_REPEATED` rows have repeated measurements, not all of them are counted.
    """
    checked = partitions.map(_check_raw)
    keys = [part.keys for part in checked if part.keys is not None]
    given: dict[str, NDArray[Any]] = {}
    if sum(len(part.ids) for part in keys) < contract.PUBLISHED_ROWS:  # a table that was cut: its last line is named
        given[reading.LINE] = joined([part.lines.to_numpy() for part in keys], np.int64)
    compared = across.findings(partitions, keys)
    return _findings(groups.RAW_RULES, partitions, checked, compared, given, noun=reading.LINE)


def validate_clean(partitions: Partitions[CleanPart]) -> list[Finding]:
    """Validate a clean frame in partitions; rows are identified by their position from 1."""
    return _findings(groups.CLEAN_RULES, partitions, partitions.map(_check_clean), {}, {}, noun="row")


def validate_split(
    train: Partitions[pd.DataFrame], test: Partitions[pd.DataFrame], clean: Partitions[CleanPart], draw: splitting.Draw
) -> list[Finding]:
    """Validate the two sets of a split by hash, each with the columns of the clean frame, against that frame.

    The sets have no numbers of rows, so nothing is numbered; rows are compared by the digest of their measurements and
    the diagnosis. Each violation is a sentence with the number of rows.
    """
    both = {"train": train, "test": test}
    sets = {name: _Drawn.of(parts.map(partial(_check_drawn, draw, name))) for name, parts in both.items()}
    frame = _Drawn.of(clean.map(_drawn_of))
    broken = [
        (rule, replace(failure, column=f"{name}.{failure.column}"))
        for name in sets
        for rule, failure in sets[name].broken
    ]
    if broken:
        return [schemas.structure_finding(rule, broken, len(frame.digests)) for rule in groups.SPLIT_RULES]
    faults = list(_split_faults(sets, frame, draw))
    return [
        schemas.sentence_finding(
            rule, [failure for broken_rule, failure in faults if broken_rule == rule], len(frame.digests)
        )
        for rule in groups.SPLIT_RULES
    ]


def _check_raw(part: reading.RawTable) -> _Checked:
    group = [rule for rule in groups.RAW_RULES if isinstance(rule, CellRule) and rule not in across.RULES]
    evaluation = schemas.Evaluation.of(part)
    schemas.breaches(schemas.raw(evaluation, group), part.frame, groups.RAW_RULES)
    return _Checked((), evaluation.result(), _diagnoses(part.frame), across.Keys.of(part.frame))


def _check_clean(part: CleanPart) -> _Checked:
    group = [rule for rule in groups.CLEAN_RULES if isinstance(rule, CellRule) or rule == _IN_ORDER]
    evaluation = schemas.Evaluation()
    broken = schemas.breaches(schemas.clean(evaluation, group), part.frame, groups.CLEAN_RULES)
    if broken:
        return _Checked(tuple(broken), {}, np.full(len(part.frame), -1, dtype=np.int8))
    findings = {name: _moved(finding, part.first) for name, finding in evaluation.result().items()}
    return _Checked((), findings, _diagnoses(part.frame))


def _moved(finding: Finding, rows: int) -> Finding:
    failures = [
        failure if failure.row is None else replace(failure, row=failure.row + rows) for failure in finding.failures
    ]
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
    compared: Mapping[str, Finding],
    given: Mapping[str, NDArray[Any]],
    *,
    noun: str,
) -> list[Finding]:
    diagnoses = joined([part.diagnoses for part in checked], np.int8)
    rows = len(diagnoses)
    broken = list(dict.fromkeys(breach for part in checked for breach in part.broken))
    if broken:
        return [schemas.structure_finding(rule, broken, rows) for rule in group]
    columns = ColumnsOf(partitions, {contract.DIAGNOSIS: diagnoses, **given})
    findings = []
    for rule in group:
        if rule.name in compared:
            findings.append(compared[rule.name])
        elif isinstance(rule, CellRule):
            part_findings = [part.findings[rule.name] for part in checked]
            failures = [failure for finding in part_findings for failure in finding.failures][:SHOWN]
            count = sum(finding.count for finding in part_findings)
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


@dataclass(frozen=True)
class _Drawn:
    """Rows of a set or of the frame: digests, diagnoses (1, 0 or -1), and how many the hash puts into the other set."""

    digests: NDArray[np.uint64]
    diagnoses: NDArray[np.int8]
    elsewhere: int = 0
    broken: tuple[tuple[StructureRule, Failure], ...] = ()

    @classmethod
    def of(cls, parts: Sequence[_Drawn]) -> _Drawn:
        """Return the rows of all partitions as one."""
        return cls(
            joined([part.digests for part in parts], np.uint64),
            joined([part.diagnoses for part in parts], np.int8),
            sum(part.elsewhere for part in parts),
            tuple(dict.fromkeys(breach for part in parts for breach in part.broken)),
        )

    def keys(self) -> NDArray[np.uint64]:
        """Return one number for measurements and diagnosis of each row, in ascending order."""
        keys = self.digests ^ (self.diagnoses.astype(np.uint64) * _OF_DIAGNOSIS)
        keys.sort()
        return keys


def _check_drawn(draw: splitting.Draw, name: str, frame: pd.DataFrame) -> _Drawn:
    broken = schemas.breaches(schemas.clean(group=()), frame, groups.SPLIT_RULES)
    if broken:
        return _Drawn(np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int8), broken=tuple(broken))
    drawn = _Drawn(membership.digests(frame), _diagnoses(frame))
    chosen = membership.in_test_set(drawn.digests, test_size=draw.test_size, seed=draw.seed)
    return replace(drawn, elsewhere=int((chosen != (name == "test")).sum()))


def _drawn_of(part: CleanPart) -> _Drawn:
    return _Drawn(membership.digests(part.frame), _diagnoses(part.frame))


def _split_faults(
    sets: Mapping[str, _Drawn], frame: _Drawn, draw: splitting.Draw
) -> Iterator[tuple[SplitRule, Failure]]:
    keys = {name: rows.keys() for name, rows in sets.items()}
    drawn, frame_keys = np.sort(np.concatenate(list(keys.values()))), frame.keys()
    if not np.array_equal(drawn, frame_keys):
        distinct = np.unique(frame_keys)
        surplus = _times(distinct, drawn) - _times(distinct, frame_keys)
        for rule, number, text in (
            (splits.sets_are_disjoint, surplus[surplus > 0].sum(), "rows in both sets, or more than once in one set"),
            (splits.sets_are_complete, -surplus[surplus < 0].sum(), "rows in neither set"),
        ):
            if number:
                yield rule, Failure(None, splits.FRAME, f"{text}: {number}")
        for name, set_keys in keys.items():
            if foreign := int((_times(set_keys, frame_keys) == 0).sum()):
                yield splits.sets_are_rows_of_the_frame, Failure(None, name, f"rows not of the clean frame: {foreign}")
    for place, text in splits.improbable(draw, sets["test"].diagnoses, frame.diagnoses):
        yield splits.sets_are_stratified, Failure(None, place, text)
    for name, rows in sets.items():
        if rows.elsewhere:
            text = f"rows that belong to the other set by the hash of their measurements: {rows.elsewhere}"
            yield splits.sets_follow_the_hash, Failure(None, name, text)
    # Equal digests follow the hash into the same set, so that a collision is no false fault.
    if shared := int((_times(np.sort(sets["test"].digests), np.sort(sets["train"].digests)) > 0).sum()):
        text = f"rows with the measurements of a row of the training set: {shared}"
        yield splits.no_measurements_in_both_sets, Failure(None, "test", text)


def _times(keys: NDArray[np.uint64], ordered: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Return how often each key occurs among others, which are in ascending order."""
    return np.searchsorted(ordered, keys, side="right") - np.searchsorted(ordered, keys, side="left")
