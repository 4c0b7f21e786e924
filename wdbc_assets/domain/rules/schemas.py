"""Validation of tables: Pandera schemas built from the contract and the rules, and one finding per rule.

A schema states the columns and their types, and has one named check per rule. Every rule is evaluated once, however
many fail; its finding is kept while Pandera runs the check, because Pandera keeps rows but not cells. Import this
module only where tables are validated: it imports pandas and Pandera.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaError, SchemaErrors

from wdbc_assets.domain.data import contract, csv_layouts, reading
from wdbc_assets.domain.data.failures import SHOWN, Failure
from wdbc_assets.domain.rules import groups
from wdbc_assets.domain.rules.base import MISSING_ID, CellRule, Columns, Rule, SplitRule, StructureRule, TableRule
from wdbc_assets.domain.rules.findings import Finding

if TYPE_CHECKING:
    from wdbc_assets.domain.data import splitting

# No integer can represent an unreadable id, so ids are pandas' nullable integers in the raw table.
_RAW_TYPES = {"int64": "Int64"}


def raw(evaluation: "Evaluation | None" = None, group: Sequence[Rule] | None = None) -> pa.DataFrameSchema:
    """Return the schema of the raw table, 32 columns in UCI's order, with all its rules or a group of them."""
    types = {column.name: _RAW_TYPES.get(column.dtype, column.dtype) for column in contract.COLUMNS}
    return _schema("raw_data", types, groups.RAW_RULES if group is None else group, evaluation)


def clean(evaluation: "Evaluation | None" = None, group: Sequence[Rule] | None = None) -> pa.DataFrameSchema:
    """Return the schema of the clean frame, diagnosis and 30 features, with all its rules or a group of them."""
    types = {column.name: column.dtype for column in contract.CLEAN_COLUMNS}
    return _schema("clean_frame", types, groups.CLEAN_RULES if group is None else group, evaluation)


def features() -> pa.DataFrameSchema:
    """Return the schema of `X_train` and `X_test`: the 30 features."""
    return _schema("X", {c.name: c.dtype for c in contract.CLEAN_COLUMNS if c.name in contract.FEATURES})


def target() -> pa.DataFrameSchema:
    """Return the schema of `y_train` and `y_test`, each as a table of one column."""
    return _schema("y", {c.name: c.dtype for c in contract.CLEAN_COLUMNS if c.name == contract.DIAGNOSIS})


def columns_of(frame: pd.DataFrame) -> Columns:
    """Return the columns of a raw table or a clean frame as the arrays that rules take. Measurements are not copied."""
    columns = {name: frame[name].to_numpy() for name in frame.columns if name != contract.ID}
    if contract.ID in frame:
        columns[contract.ID] = frame[contract.ID].to_numpy(dtype="int64", na_value=MISSING_ID)
    if frame.index.name == reading.LINE:
        columns[reading.LINE] = frame.index.to_numpy()
    return columns


def validate_raw(table: reading.RawTable) -> list[Finding]:
    """Validate a raw table; rows are identified by their line in the file."""
    evaluation = Evaluation.of(table)
    return _validate(table.frame, raw(evaluation), groups.RAW_RULES, evaluation)


def validate_clean(frame: pd.DataFrame) -> list[Finding]:
    """Validate a clean frame; rows are identified by their position from 1."""
    evaluation = Evaluation()
    return _validate(frame, clean(evaluation), groups.CLEAN_RULES, evaluation)


def validate_split(split: "splitting.Split", frame: pd.DataFrame) -> list[Finding]:
    """Validate a new split against its clean frame; rows are identified by their position from 1.

    Raises:
        ValueError: the split was read from the store, which does not keep the row numbers of the frame.
    """
    broken: list[tuple[StructureRule, Failure]] = []
    for name, schema, table in (
        ("X_train", features(), split.X_train),
        ("X_test", features(), split.X_test),
        ("y_train", target(), split.y_train.to_frame()),
        ("y_test", target(), split.y_test.to_frame()),
    ):
        broken += [
            (rule, replace(failure, column=f"{name}.{failure.column}"))
            for rule, failure in breaches(schema, table, groups.SPLIT_RULES)
        ]
    if broken:
        return [structure_finding(rule, broken, len(frame)) for rule in groups.SPLIT_RULES]
    findings = []
    for rule in groups.SPLIT_RULES:
        faults = rule.faults(split, frame) if isinstance(rule, SplitRule) else ()
        failures = (Failure(row, place, text) for row, place, text in faults)
        findings.append(sentence_finding(rule, failures, len(frame)))
    return findings


@dataclass
class Evaluation:
    """The findings of the rules that Pandera evaluates for one table, and the first error of a rule that crashed.

    `texts` are the original texts of cells that are missing because they could not be read.
    """

    texts: Mapping[tuple[int | None, str], str] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)
    crash: Exception | None = None

    @classmethod
    def of(cls, table: reading.RawTable) -> "Evaluation":
        """Return an evaluation that knows the texts of a raw table's unreadable cells."""
        return cls({(failure.row, failure.column): failure.value for failure in table.unreadable})

    def check(self, rule: CellRule | TableRule) -> pa.Check:
        """Return a rule as a check of Pandera."""
        # ignore_na=True would search the whole frame for missing rows once per rule.
        evaluate = partial(self._evaluate, rule)
        return pa.Check(evaluate, name=rule.name, error=rule.description, ignore_na=False, n_failure_cases=SHOWN)

    def result(self) -> dict[str, Finding]:
        """Return the findings by rule; raise what a rule raised, if one crashed."""
        if self.crash is not None:
            raise self.crash
        return self.findings

    def _evaluate(self, rule: CellRule | TableRule, frame: pd.DataFrame) -> "pd.Series[bool] | bool":
        try:
            columns = columns_of(frame)
            if isinstance(rule, TableRule):
                self.findings[rule.name] = of_table(rule, columns, len(frame))
                return self.findings[rule.name].passed
            self.findings[rule.name], kept = of_cells(rule, columns, len(frame), self.texts)
            return pd.Series(kept, index=frame.index)  # Pandera treats an array as a single failure
        except Exception as error:
            self.crash = self.crash or error  # Pandera turns it into a failed check
            raise


def _validate(
    frame: pd.DataFrame, schema: pa.DataFrameSchema, group: Sequence[Rule], evaluation: Evaluation
) -> list[Finding]:
    broken = breaches(schema, frame, group)
    if broken:
        return [structure_finding(rule, broken, len(frame)) for rule in group]
    findings = evaluation.result()
    return [passed(rule, len(frame)) if isinstance(rule, StructureRule) else findings[rule.name] for rule in group]


def _schema(
    name: str, types: Mapping[str, str], group: Sequence[Rule] = (), evaluation: Evaluation | None = None
) -> pa.DataFrameSchema:
    evaluation = Evaluation() if evaluation is None else evaluation
    return pa.DataFrameSchema(
        # Nullable, because `cells_are_numbers` reports missing cells with row, column and text.
        {column: pa.Column(dtype, nullable=True) for column, dtype in types.items()},
        checks=[evaluation.check(rule) for rule in group if isinstance(rule, CellRule | TableRule)],
        name=name,
        strict=True,
        ordered=True,
        unique_column_names=True,
    )


def breaches(
    schema: pa.DataFrameSchema, frame: pd.DataFrame, group: Sequence[Rule]
) -> list[tuple[StructureRule, Failure]]:
    """Validate a table, and return its structural failures."""
    structure = {reason: rule for rule in group if isinstance(rule, StructureRule) for reason in rule.reasons}
    names = {rule.name for rule in group}
    broken = []
    for error in _errors(schema, frame):
        if getattr(error.check, "name", None) in names:
            continue
        if error.reason_code.name not in structure:
            raise TypeError(f"{schema.name} does not have the structure that validation requires: {error}")
        column = error.schema.name if error.reason_code.name == "WRONG_DATATYPE" else error.failure_cases
        text = error.reason_code.name.lower().replace("_", " ")
        broken.append((structure[error.reason_code.name], Failure(None, str(column), text)))
    return broken


def _errors(schema: pa.DataFrameSchema, frame: pd.DataFrame) -> list[SchemaError]:
    # Environment variables can switch Pandera's validation off; this overrides them.
    enabled = config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA)
    with enabled, np.errstate(over="ignore", invalid="ignore"):  # a product that overflows exceeds every bound, too
        try:
            schema.validate(frame, lazy=True, inplace=True)
        except SchemaErrors as errors:
            return list(errors.schema_errors)
    return []


def passed(rule: Rule, rows: int) -> Finding:
    """Return the finding of a rule that holds for so many rows."""
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


def structure_finding(rule: Rule, broken: Sequence[tuple[StructureRule, Failure]], rows: int) -> Finding:
    """Return the finding of a rule for a table with structural failures: only its structure can be validated."""
    if not isinstance(rule, StructureRule):
        return _failed(rule, 0, (), "not checked: the columns do not match the contract")
    return sentence_finding(rule, [failure for broken_rule, failure in broken if broken_rule == rule], rows)


def sentence_finding(rule: Rule, failures: Iterable[Failure], rows: int) -> Finding:
    """Return the finding of a rule whose failures are sentences."""
    failures = iter(failures)
    shown = list(islice(failures, SHOWN))
    if not shown:
        return passed(rule, rows)
    count = len(shown) + sum(1 for _ in failures)
    first = shown[0]
    place = first.column if first.row is None else f"row {first.row} of {first.column}"
    more = f" (and {count - 1} more)" if count > 1 else ""
    return _failed(rule, count, shown, f"{place}: {first.value}{more}")


def of_table(rule: TableRule, columns: Columns, rows: int) -> Finding:
    """Return the finding of a rule for a table of so many rows."""
    return sentence_finding(rule, (Failure(None, column, text) for column, text in rule.faults(columns)), rows)


def of_cells(
    rule: CellRule, columns: Columns, rows: int, texts: Mapping[tuple[int | None, str], str]
) -> tuple[Finding, np.ndarray]:
    """Return the finding of a rule, with the first cells that break it in the order of the rows, and the rows kept."""
    kept, count, cells = np.ones(rows, dtype=bool), 0, []
    for order, (column, broken) in enumerate(rule.faults(columns)):
        if broken.any():
            kept &= ~broken
            positions = np.flatnonzero(broken)
            count += len(positions)
            cells += [(int(position), order, column) for position in positions[:SHOWN]]
    lines = columns.get(reading.LINE)
    failures = []
    for position, _, column in sorted(cells)[:SHOWN]:
        row = position + 1 if lines is None else int(lines[position])
        failures.append(Failure(row, column, texts.get((row, column), _text(columns[column][position]))))
    return cell_finding(rule, count, failures, rows, noun="row" if lines is None else reading.LINE), kept


def cell_finding(rule: CellRule, count: int, failures: Sequence[Failure], rows: int, *, noun: str) -> Finding:
    """Return the finding of a rule from the number of cells that break it and the first of them."""
    if not count:
        return passed(rule, rows)
    first = f"{noun} {failures[0].row}, column {failures[0].column}"
    return _failed(rule, count, failures, f"{count} cell{'s' if count > 1 else ''}, first at {first}")


def _text(cell: object) -> str:
    if isinstance(cell, str):
        return csv_layouts.shown(cell)
    return repr(float(cell)).removesuffix(".0") if isinstance(cell, float) else str(cell)
