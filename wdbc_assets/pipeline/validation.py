"""Validation of asset values against the rules that are in `domain`. `pipeline.specs` names them for each asset.

A rule that crashes is a bug: its exception propagates and never counts as a failed rule.
"""

import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.data import csv_layouts
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.rules import base, findings, groups
from wdbc_assets.domain.rules.findings import Finding
from wdbc_assets.pipeline import functions, specs
from wdbc_assets.store.large_evaluation import LargeCrossValidation
from wdbc_assets.store.manifest import RecordedCheck
from wdbc_assets.store.table_files import LargeSplit, TableFile

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain.data import splitting
    from wdbc_assets.domain.data.incoming import IncomingBatch
    from wdbc_assets.domain.data.labelled import LabelledPatients
    from wdbc_assets.domain.data.lines import LinesFile
    from wdbc_assets.domain.evaluation.comparison import CrossValidation
    from wdbc_assets.domain.monitoring.batch_predictions import BatchPredictions
    from wdbc_assets.domain.promotion.card_parts import ModelCard

# The reader of the bytes detects a breach; no other rule can be evaluated then.
FILE_IS_A_TABLE = base.Rule(
    "file_is_a_table", "The bytes are a table with the contract's 32 columns.", "Point the source at the table itself."
)

RAW_DATA_RULES = (FILE_IS_A_TABLE, *groups.RAW_RULES)


def rules(asset: str) -> tuple[base.Rule, ...]:
    """Return the rules of an asset."""
    stated: tuple[base.Rule, ...] = pkgutil.resolve_name(specs.ASSETS[asset].rules)
    return stated


@dataclass(frozen=True)
class Validation:
    """One finding per evaluated rule, and the error that refuses the value if a blocking rule failed."""

    findings: list[Finding]
    refusal: WdbcError | None


def validate(asset: str, value: Any, inputs: Mapping[str, Any], *, where: str) -> Validation:
    """Validate a value against the rules of its asset.

    Args:
        asset: Name of the asset.
        value: The value.
        inputs: Values of its inputs.
        where: Description of the value for error messages.
    """
    spec = specs.ASSETS[asset]
    try:
        if spec.validate:
            results = pkgutil.resolve_name(spec.validate)(value, inputs)
        else:
            results = findings.of_result(pkgutil.resolve_name(spec.rules), value)
    except csv_layouts.NotATable as error:
        error.where = f"{where}, {error.where}" if error.where else where
        return Validation([_table_finding(error.what, passed=False)], error)
    return Validation(results, findings.refusal(results, where))


def recorded(results: Iterable[Finding]) -> list[RecordedCheck]:
    """Return findings in the form of a manifest, without the failing rows."""
    return [
        RecordedCheck(result.rule, result.passed, result.blocking, result.count, result.summary) for result in results
    ]


def validate_raw_data(content: "bytes | LinesFile", _: Mapping[str, Any]) -> list[Finding]:
    """Validate the bytes of a source."""
    from wdbc_assets.domain.data import reading
    from wdbc_assets.domain.rules import schemas
    from wdbc_assets.pipeline.engines import validating

    findings = schemas.validate_raw(reading.read(content)) if isinstance(content, bytes) else validating.raw(content)
    return [_table_finding("holds", passed=True), *findings]


def _table_finding(summary: str, *, passed: bool) -> Finding:
    return Finding(FILE_IS_A_TABLE.name, passed=passed, blocking=True, summary=summary, count=int(not passed))


def validate_clean_frame(frame: "pd.DataFrame | TableFile", _: Mapping[str, Any]) -> list[Finding]:
    """Validate the clean frame."""
    from wdbc_assets.domain.rules import schemas
    from wdbc_assets.pipeline.engines import validating

    return validating.clean(frame) if isinstance(frame, TableFile) else schemas.validate_clean(frame)


def validate_train_test_split(split: "splitting.Split | LargeSplit", inputs: Mapping[str, Any]) -> list[Finding]:
    """Validate the split of the clean frame."""
    from wdbc_assets.domain.rules import schemas
    from wdbc_assets.pipeline.engines import validating

    frame = inputs["clean_frame"]
    return validating.split(split, frame) if isinstance(split, LargeSplit) else schemas.validate_split(split, frame)


def validate_cross_validation(
    value: "CrossValidation | LargeCrossValidation", inputs: Mapping[str, Any]
) -> list[Finding]:
    """Validate an evaluation of the clean frame."""
    from wdbc_assets.domain.evaluation import rules as evaluation_rules
    from wdbc_assets.pipeline.engines import summed_folds

    frame = inputs["clean_frame"]
    if isinstance(value, LargeCrossValidation):
        return summed_folds.validate(value, frame)
    return evaluation_rules.validate(value, frame)


def validate_labelled_cross_validation(value: "CrossValidation", inputs: Mapping[str, Any]) -> list[Finding]:
    """Validate an evaluation of the labelled patients."""
    return validate_cross_validation(value, {"clean_frame": inputs["labelled_patients"].frame})


def validate_model_card(card: "ModelCard", inputs: Mapping[str, Any]) -> list[Finding]:
    """Validate a model card against the artifacts that it cites."""
    from wdbc_assets.domain.promotion import card_rules

    lines = card_rules.broken_citations(card, functions.cited_contents(inputs))
    return [findings.from_lines(card_rules.citations_hold, lines)]


def validate_incoming_batch(batch: "IncomingBatch", _: Mapping[str, Any]) -> list[Finding]:
    """Report why rows of a batch were set aside."""
    from wdbc_assets.domain.rules import incoming

    return list(incoming.validate(batch))


def validate_predictions(predictions: "BatchPredictions", inputs: Mapping[str, Any]) -> list[Finding]:
    """Validate the predictions for a batch."""
    from wdbc_assets.domain.rules import predictions as of_batch

    return of_batch.validate(predictions.patients, inputs["incoming_batch"].patients)


def validate_labelled_patients(patients: "LabelledPatients", _: Mapping[str, Any]) -> list[Finding]:
    """Validate the labelled patients by the rules of the clean frame, and those of the batches by themselves."""
    from wdbc_assets.domain.rules import labelled, schemas, tables

    later = schemas.columns_of(patients.arrived)
    lines = [
        f"{place} is {text}, needed: larger of malignant" for place, text in tables.malignant_is_larger.faults(later)
    ]
    return [*schemas.validate_clean(patients.frame), findings.from_lines(labelled.LATER_MALIGNANT_IS_LARGER, lines)]
