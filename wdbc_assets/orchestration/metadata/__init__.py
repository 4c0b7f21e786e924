"""What Dagster's UI shows of a value: columns from the contract, counts, a preview without ids, and pictures.

Numbers become trend plots there, so only those that matter are numbers; the rest is text. Markdown is shown in place up
to 1,000 characters, and behind a click beyond: tables are kept below that, pictures cannot be. `parts` holds what the
descriptions are made of.
"""

from wdbc_assets.orchestration.metadata.champion import of_champion, of_verdict
from wdbc_assets.orchestration.metadata.dataset import clean_columns, of_clean_frame, of_raw_data, of_split, raw_columns
from wdbc_assets.orchestration.metadata.evidence import (
    of_cross_validation,
    of_decision_policy,
    of_importance,
    of_model_card,
)
from wdbc_assets.orchestration.metadata.exploration import of_exploration
from wdbc_assets.orchestration.metadata.manifest import of_manifest
from wdbc_assets.orchestration.metadata.model import of_fitted_pipeline, of_metrics
from wdbc_assets.orchestration.metadata.parts import Report

__all__ = [
    "Report",
    "clean_columns",
    "of_champion",
    "of_clean_frame",
    "of_cross_validation",
    "of_decision_policy",
    "of_exploration",
    "of_fitted_pipeline",
    "of_importance",
    "of_manifest",
    "of_metrics",
    "of_model_card",
    "of_raw_data",
    "of_split",
    "of_verdict",
    "raw_columns",
]
