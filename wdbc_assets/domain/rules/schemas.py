"""Validation of tables: Pandera schemas built from the contract and the rules, and one finding per rule.

Pandera reports which rules are violated; those rules then report the failing cells. All rules are checked, however many
fail. Import this module only where tables are validated: it imports pandas and Pandera.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaError, SchemaErrors

from wdbc_assets.domain.data import contract, csv_layouts
from wdbc_assets.domain.data.failures import SHOWN, Failure
from wdbc_assets.domain.rules import groups
from wdbc_assets.domain.rules.base import CellRule, Rule, SplitRule, StructureRule, TableRule
from wdbc_assets.domain.rules.findings import Finding

if TYPE_CHECKING:
    from wdbc_assets.domain.data import reading, splitting

# No integer can represent an unreadable id, so ids are pandas' nullable integers in the raw table.
_RAW_TYPES = {"int64": "Int64"}


@cache
def raw() -> pa.DataFrameSchema:
    """Return the schema of the raw table: 32 columns in UCI's order."""
    types = {column.name: _RAW_TYPES.get(column.dtype, column.dtype) for column in contract.COLUMNS}
    return _schema("raw_data", types, groups.RAW_RULES)


@cache
def clean() -> pa.DataFrameSchema:
    """Return the schema of the clean frame: the diagnosis and the 30 features."""
    return _schema("clean_frame", {column.name: column.dtype for column in contract.CLEAN_COLUMNS}, groups.CLEAN_RULES)


@cache
def features() -> pa.DataFrameSchema:
    """Return the schema of `X_train` and `X_test`: the 30 features."""
    return _schema("X", {c.name: c.dtype for c in contract.CLEAN_COLUMNS if c.name in contract.FEATURES}, ())


@cache
def target() -> pa.DataFrameSchema:
    """Return the schema of `y_train` and `y_test`, each as a table of one column."""
    return _schema("y", {c.name: c.dtype for c in contract.CLEAN_COLUMNS if c.name == contract.DIAGNOSIS}, ())


def validate_raw(table: "reading.RawTable") -> list[Finding]:
    """Validate a raw table; rows are identified by their line in the file."""
    texts = {(failure.row, failure.column): failure.value for failure in table.unreadable}
    return _validate(table.frame, raw(), groups.RAW_RULES, texts)


def validate_clean(frame: pd.DataFrame) -> list[Finding]:
    """Validate a clean frame; rows are identified by their position from 1."""
    return _validate(frame, clean(), groups.CLEAN_RULES, {})


def validate_split(split: "splitting.Split", frame: pd.DataFrame) -> list[Finding]:
    """Validate a new split against its clean frame; rows are identified by their position from 1.

    Raises:
        ValueError: the split was read from the store, which does not keep the row numbers of the frame.
    """
    breaches: list[tuple[StructureRule, Failure]] = []
    for name, schema, table in (
        ("X_train", features(), split.X_train),
        ("X_test", features(), split.X_test),
        ("y_train", target(), split.y_train.to_frame()),
        ("y_test", target(), split.y_test.to_frame()),
    ):
        found, _ = _broken(schema, table, groups.SPLIT_RULES)
        breaches += [(rule, replace(failure, column=f"{name}.{failure.column}")) for rule, failure in found]
    findings = []
    for rule in groups.SPLIT_RULES:
        faults = () if breaches or not isinstance(rule, SplitRule) else rule.faults(split, frame)
        failures = (Failure(row, place, text) for row, place, text in faults)
        findings.append(_structure_finding(rule, breaches) or _sentence_finding(rule, failures, len(frame)))
    return findings


def _validate(
    frame: pd.DataFrame, schema: pa.DataFrameSchema, group: Sequence[Rule], texts: Mapping[tuple[int | None, str], str]
) -> list[Finding]:
    breaches, broken = _broken(schema, frame, group)
    findings = []
    for rule in group:
        if (finding := _structure_finding(rule, breaches)) is not None:
            findings.append(finding)
        elif rule.name not in broken:
            findings.append(_passed(rule, len(frame)))
        elif isinstance(rule, CellRule):
            findings.append(_cell_finding(rule, frame, texts))
        elif isinstance(rule, TableRule):
            failures = [Failure(None, column, text) for column, text in rule.faults(frame)]
            findings.append(_sentence_finding(rule, failures, len(frame)))
    return findings


def _schema(name: str, types: Mapping[str, str], group: Sequence[Rule]) -> pa.DataFrameSchema:
    return pa.DataFrameSchema(
        # Nullable, because `cells_are_numbers` reports missing cells with row, column and text.
        {column: pa.Column(dtype, nullable=True) for column, dtype in types.items()},
        checks=[_check(rule) for rule in group if isinstance(rule, CellRule | TableRule)],
        name=name,
        strict=True,
        ordered=True,
        unique_column_names=True,
    )


def _check(rule: CellRule | TableRule) -> pa.Check:
    # ignore_na=True would search the whole frame for missing rows once per rule.
    holds = partial(_rows_keeping, rule) if isinstance(rule, CellRule) else partial(_is_kept, rule)
    return pa.Check(holds, name=rule.name, error=rule.description, ignore_na=False, n_failure_cases=SHOWN)


def _rows_keeping(rule: CellRule, frame: pd.DataFrame) -> pd.Series:
    # Return a Series: Pandera treats an array as a single failure.
    kept = np.ones(len(frame), dtype=bool)
    for _, broken in rule.faults(frame):
        kept &= ~broken
    return pd.Series(kept, index=frame.index)


def _is_kept(rule: TableRule, frame: pd.DataFrame) -> bool:
    return next(rule.faults(frame), None) is None


def _broken(
    schema: pa.DataFrameSchema, frame: pd.DataFrame, group: Sequence[Rule]
) -> tuple[list[tuple[StructureRule, Failure]], set[str]]:
    """Return structural failures, and the names of the rules that failed or crashed.

    A rule that crashed raises its error again when it is asked for its failures.
    """
    structure = {reason: rule for rule in group if isinstance(rule, StructureRule) for reason in rule.reasons}
    names = {rule.name for rule in group}
    breaches, broken = [], set()
    for error in _errors(schema, frame):
        check = getattr(error.check, "name", None)
        if check in names:
            broken.add(check)
        elif error.reason_code.name in structure:
            column = error.schema.name if error.reason_code.name == "WRONG_DATATYPE" else error.failure_cases
            text = error.reason_code.name.lower().replace("_", " ")
            breaches.append((structure[error.reason_code.name], Failure(None, str(column), text)))
        else:
            raise TypeError(f"{schema.name} does not have the structure that validation requires: {error}")
    return breaches, broken


def _errors(schema: pa.DataFrameSchema, frame: pd.DataFrame) -> list[SchemaError]:
    # Environment variables can switch Pandera's validation off; this overrides them.
    with config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA):
        try:
            schema.validate(frame, lazy=True, inplace=True)
        except SchemaErrors as errors:
            return list(errors.schema_errors)
    return []


def _passed(rule: Rule, rows: int) -> Finding:
    return Finding(rule.name, passed=True, blocking=rule.blocking, summary=f"{rule.name}: holds, {rows} rows")


def _failed(rule: Rule, count: int, failures: Sequence[Failure], sentence: str) -> Finding:
    return Finding(
        rule.name,
        passed=False,
        blocking=rule.blocking,
        summary=f"{rule.name}: {sentence}",
        count=count,
        failures=tuple(failures),
        hint=rule.hint,
        holds_values=isinstance(rule, CellRule),
    )


def _structure_finding(rule: Rule, breaches: Sequence[tuple[StructureRule, Failure]]) -> Finding | None:
    own = [failure for broken, failure in breaches if broken == rule]
    if own:
        return _sentence_finding(rule, own, 0)
    if breaches and not isinstance(rule, StructureRule):
        return _failed(rule, 0, (), "not checked: the columns do not match the contract")
    return None


def _sentence_finding(rule: Rule, failures: Iterable[Failure], rows: int) -> Finding:
    """Return the finding of a rule whose failures are sentences."""
    failures = iter(failures)
    shown = list(islice(failures, SHOWN))
    if not shown:
        return _passed(rule, rows)
    count = len(shown) + sum(1 for _ in failures)
    first = shown[0]
    place = first.column if first.row is None else f"row {first.row} of {first.column}"
    more = f" (and {count - 1} more)" if count > 1 else ""
    return _failed(rule, count, shown, f"{place}: {first.value}{more}")


def _cell_finding(rule: CellRule, frame: pd.DataFrame, texts: Mapping[tuple[int | None, str], str]) -> Finding:
    """Count the cells that break a rule, and show the first ones in the order of the rows."""
    count, cells = 0, []
    for order, (column, broken) in enumerate(rule.faults(frame)):
        positions = np.flatnonzero(broken)
        count += len(positions)
        cells += [(int(position), order, column) for position in positions[:SHOWN]]
    place = frame.index.name  # "line" in the raw table
    failures = []
    for position, _, column in sorted(cells)[:SHOWN]:
        row = position + 1 if place is None else int(frame.index[position])
        value = texts.get((row, column), _text(frame[column].iloc[position]))
        failures.append(Failure(row, column, value))
    if not failures:
        return _passed(rule, len(frame))
    first = f"{'row' if place is None else place} {failures[0].row}, column {failures[0].column}"
    return _failed(rule, count, failures, f"{count} cell{'s' if count > 1 else ''}, first at {first}")


def _text(cell: object) -> str:
    if isinstance(cell, str):
        return csv_layouts.shown(cell)
    return repr(float(cell)).removesuffix(".0") if isinstance(cell, float) else str(cell)
