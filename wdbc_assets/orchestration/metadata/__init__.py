"""What Dagster's UI shows of a value: columns from the contract, counts, a preview without ids, and pictures.

Numbers become trend plots there, so only those that matter are numbers; the rest is text. Markdown is shown in place up
to 1,000 characters, and behind a click beyond: tables are kept below that, pictures cannot be. `parts` holds what the
descriptions are made of.
"""

from wdbc_assets.orchestration.metadata.champion import describe_champion, describe_verdict
from wdbc_assets.orchestration.metadata.dataset import (
    clean_columns,
    describe_clean_frame,
    describe_raw_data,
    describe_split,
    raw_columns,
)
from wdbc_assets.orchestration.metadata.evidence import (
    describe_cross_validation,
    describe_decision_policy,
    describe_importance,
    describe_model_card,
)
from wdbc_assets.orchestration.metadata.exploration import describe_exploration
from wdbc_assets.orchestration.metadata.manifest import describe_manifest
from wdbc_assets.orchestration.metadata.model import describe_fitted_pipeline, describe_metrics
from wdbc_assets.orchestration.metadata.parts import Report

__all__ = [
    "Report",
    "clean_columns",
    "describe_champion",
    "describe_clean_frame",
    "describe_cross_validation",
    "describe_decision_policy",
    "describe_exploration",
    "describe_fitted_pipeline",
    "describe_importance",
    "describe_manifest",
    "describe_metrics",
    "describe_model_card",
    "describe_raw_data",
    "describe_split",
    "describe_verdict",
    "raw_columns",
]
