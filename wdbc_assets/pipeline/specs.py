"""The asset table: everything that the platform knows about each asset, in one place.

Dagster's assets, checks and jobs, the staleness rule, verification and the report page are views of this table. It
imports neither Dagster nor pandas nor scikit-learn: code stands here as import paths, which `pkgutil.resolve_name`
resolves. To add an asset, write its domain function, its function in `pipeline.functions` (of an incoming batch:
`pipeline.batch_functions`), an entry here, and its description in `orchestration.metadata`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel

from wdbc_assets import settings


@dataclass(frozen=True, kw_only=True)
class AssetSpec:
    """The specification of an asset.

    Attributes:
        function: Import path of the function from the inputs to the value.
        inputs: Names of the input assets.
        parameters: Model of the parameters, if there are any.
        rules: Import path of the rules, a tuple of `Rule`. Each becomes an asset check.
        validate: Import path of the function that validates a value: from the value and its inputs to findings. Without
            one, each of the rules, a `ResultRule`, is applied to the value.
        describe: Import path of the function that describes a value in Dagster's UI.
        columns: Import path of the function that returns the table's columns for Dagster's UI.
        plots: Import path of the function that draws the value for the report page.
        written_by: Modules that determine the stored files in addition to what `function` and `validate` import.
        checkpointed: Modules that the asset's checkpoints depend on. A change of any other module keeps them.
        sample: Import path of the function that fills checkpoints for a verification of a sample.
        recipes: Name of the parameter that names the recipes whose code the value depends on. If the asset has no such
            parameter, because an input names the recipe, the value depends on the code of all recipes.
        jobs: Names of the jobs that materialize the asset.
        command: The command that makes the asset.
        group, owner, kinds: The asset's place in Dagster's UI.
        eager: Whether the sensor `evidence_updates` makes the asset again as soon as an input has other content.
        due: The time after which Dagster shows the asset as overdue, if it is made on a schedule.
        promoted: Whether only the promotion gate moves the asset's pointer. Such an asset does not become out of date
            when its inputs change.
        partitioned: Whether the asset has one version for each incoming batch. Its partitioned inputs are those of the
            same batch; an asset that is not partitioned takes such an input of all batches.
        record: Whether a stored partition states what happened at that time. Only damage, or another version of a
            partitioned input, makes it out of date.
        retrains: Whether a run that makes the asset records it as a retraining, and may promote the refit.
    """

    function: str
    inputs: tuple[str, ...] = ()
    parameters: type[BaseModel] | None = None
    rules: str
    validate: str = ""
    describe: str = ""
    columns: str = ""
    plots: str = ""
    written_by: tuple[str, ...] = ()
    checkpointed: tuple[str, ...] = ()
    sample: str = ""
    recipes: str = ""
    jobs: tuple[str, ...]
    command: str = "wdbc run"
    group: Literal["dataset", "model", "registry", "monitoring"]
    owner: Literal["team:data", "team:model"]
    kinds: frozenset[str]
    eager: bool = False
    due: timedelta | None = None
    promoted: bool = False
    partitioned: bool = False
    record: bool = False
    retrains: bool = False


_DUE = timedelta(days=2)
"""The schedule `daily_train` runs once a day; one run may be missed."""

ASSETS: dict[str, AssetSpec] = {
    "raw_data": AssetSpec(
        function="wdbc_assets.pipeline.functions:raw_data",
        parameters=settings.SourceParameters,
        rules="wdbc_assets.pipeline.validation:RAW_DATA_RULES",
        validate="wdbc_assets.pipeline.validation:validate_raw_data",
        describe="wdbc_assets.orchestration.metadata.dataset:describe_raw_data",
        columns="wdbc_assets.orchestration.metadata.dataset:raw_columns",
        jobs=("train", "refresh", "explore", "evaluate"),
        due=_DUE,
        group="dataset",
        owner="team:data",
        kinds=frozenset({"csv"}),
    ),
    "clean_frame": AssetSpec(
        function="wdbc_assets.pipeline.functions:clean_frame",
        inputs=("raw_data",),
        rules="wdbc_assets.domain.rules.groups:CLEAN_RULES",
        validate="wdbc_assets.pipeline.validation:validate_clean_frame",
        describe="wdbc_assets.orchestration.metadata.dataset:describe_clean_frame",
        columns="wdbc_assets.orchestration.metadata.dataset:clean_columns",
        jobs=("train", "refresh", "explore", "evaluate"),
        group="dataset",
        owner="team:data",
        kinds=frozenset({"pandas", "parquet"}),
    ),
    "exploration": AssetSpec(
        function="wdbc_assets.pipeline.functions:exploration",
        inputs=("clean_frame",),
        rules="wdbc_assets.domain.rules.explorations:RULES",
        describe="wdbc_assets.orchestration.metadata.exploration:describe_exploration",
        plots="wdbc_assets.presentation.report.pictures:exploration",
        jobs=("explore", "evidence"),
        command="wdbc explore",
        eager=True,
        group="dataset",
        owner="team:data",
        kinds=frozenset({"pandas", "json"}),
    ),
    "train_test_split": AssetSpec(
        function="wdbc_assets.pipeline.functions:train_test_split",
        inputs=("clean_frame",),
        parameters=settings.SplitParameters,
        rules="wdbc_assets.domain.rules.groups:SPLIT_RULES",
        validate="wdbc_assets.pipeline.validation:validate_train_test_split",
        describe="wdbc_assets.orchestration.metadata.dataset:describe_split",
        columns="wdbc_assets.orchestration.metadata.dataset:clean_columns",
        jobs=("train", "refresh"),
        group="dataset",
        owner="team:data",
        kinds=frozenset({"pandas", "parquet"}),
    ),
    "fitted_pipeline": AssetSpec(
        function="wdbc_assets.pipeline.functions:fitted_pipeline",
        inputs=("train_test_split",),
        parameters=settings.SearchParameters,
        rules="wdbc_assets.domain.modeling.search_rules:RULES",
        describe="wdbc_assets.orchestration.metadata.model:describe_fitted_pipeline",
        plots="wdbc_assets.presentation.report.pictures:search",
        recipes="recipe",
        jobs=("train",),
        group="model",
        owner="team:model",
        kinds=frozenset({"scikitlearn"}),
    ),
    "metrics": AssetSpec(
        function="wdbc_assets.pipeline.functions:metrics",
        inputs=("train_test_split", "fitted_pipeline"),
        parameters=settings.MetricsParameters,
        rules="wdbc_assets.domain.evaluation.metrics_rules:RULES",
        describe="wdbc_assets.orchestration.metadata.model:describe_metrics",
        plots="wdbc_assets.presentation.report.pictures:metrics",
        jobs=("train", "promote"),
        due=_DUE,
        group="model",
        owner="team:model",
        kinds=frozenset({"scikitlearn", "json"}),
    ),
    "cross_validation": AssetSpec(
        function="wdbc_assets.pipeline.functions:cross_validation",
        inputs=("clean_frame",),
        parameters=settings.EvaluationParameters,
        rules="wdbc_assets.domain.evaluation.floors:RULES",
        validate="wdbc_assets.pipeline.validation:validate_cross_validation",
        describe="wdbc_assets.orchestration.metadata.evidence:describe_cross_validation",
        plots="wdbc_assets.presentation.report.pictures:cross_validation",
        checkpointed=("wdbc_assets.domain.evaluation.cross_validation",),
        sample="wdbc_assets.verification.sampling:folds",
        recipes="evaluated_recipes",
        jobs=("evaluate",),
        command="wdbc evaluate",
        group="model",
        owner="team:model",
        kinds=frozenset({"scikitlearn", "parquet"}),
    ),
    "decision_policy": AssetSpec(
        function="wdbc_assets.pipeline.functions:decision_policy",
        inputs=("train_test_split", "fitted_pipeline"),
        parameters=settings.PolicyParameters,
        rules="wdbc_assets.domain.evaluation.policy_rules:RULES",
        describe="wdbc_assets.orchestration.metadata.evidence:describe_decision_policy",
        plots="wdbc_assets.presentation.report.pictures:decision_policy",
        jobs=("evidence", "promote"),
        command="wdbc report",
        eager=True,
        group="model",
        owner="team:model",
        kinds=frozenset({"scikitlearn", "json"}),
    ),
    "stability": AssetSpec(
        function="wdbc_assets.pipeline.functions:stability",
        inputs=("clean_frame", "fitted_pipeline"),
        parameters=settings.StabilityParameters,
        rules="wdbc_assets.domain.evaluation.stability_rules:RULES",
        describe="wdbc_assets.orchestration.metadata.stability:describe_stability",
        plots="wdbc_assets.presentation.report.pictures:stability",
        checkpointed=("wdbc_assets.domain.evaluation.refits",),
        sample="wdbc_assets.verification.sampling:refits",
        recipes="recipe",
        jobs=("evidence",),
        command="wdbc report",
        eager=True,
        group="model",
        owner="team:model",
        kinds=frozenset({"scikitlearn", "parquet"}),
    ),
    "importance": AssetSpec(
        function="wdbc_assets.pipeline.functions:importance",
        inputs=("clean_frame", "train_test_split", "fitted_pipeline"),
        parameters=settings.ImportanceParameters,
        rules="wdbc_assets.domain.evaluation.importance_rules:RULES",
        describe="wdbc_assets.orchestration.metadata.evidence:describe_importance",
        plots="wdbc_assets.presentation.report.pictures:importance",
        checkpointed=("wdbc_assets.domain.evaluation.importance",),
        sample="wdbc_assets.verification.sampling:scored_folds",
        recipes="recipe",
        jobs=("evidence",),
        command="wdbc report",
        eager=True,
        group="model",
        owner="team:model",
        kinds=frozenset({"scikitlearn", "json"}),
    ),
    "model_card": AssetSpec(
        function="wdbc_assets.pipeline.functions:model_card",
        inputs=(
            "exploration", "fitted_pipeline", "metrics", "cross_validation", "decision_policy",
            "stability", "importance",
        ),
        parameters=settings.CardParameters,
        rules="wdbc_assets.domain.promotion.card_rules:RULES",
        validate="wdbc_assets.pipeline.validation:validate_model_card",
        describe="wdbc_assets.orchestration.metadata.evidence:describe_model_card",
        written_by=("wdbc_assets.domain.promotion.model_card_pages",),
        jobs=("evidence",),
        command="wdbc report",
        eager=True,
        group="model",
        owner="team:model",
        kinds=frozenset({"markdown"}),
    ),
    "champion": AssetSpec(
        function="wdbc_assets.pipeline.functions:champion",
        inputs=("train_test_split", "fitted_pipeline", "metrics", "decision_policy", "cross_validation"),
        rules="wdbc_assets.domain.promotion.gate:RULES",
        jobs=("promote",),
        command="wdbc promote",
        group="registry",
        owner="team:model",
        kinds=frozenset({"scikitlearn", "numpy"}),
        promoted=True,
    ),
    "incoming_batch": AssetSpec(
        function="wdbc_assets.pipeline.batch_functions:incoming_batch",
        rules="wdbc_assets.domain.rules.incoming:RULES",
        validate="wdbc_assets.pipeline.validation:validate_incoming_batch",
        describe="wdbc_assets.orchestration.metadata.monitoring:describe_incoming_batch",
        jobs=("monitor",),
        command="wdbc monitor",
        group="monitoring",
        owner="team:data",
        kinds=frozenset({"pandas", "parquet"}),
        partitioned=True,
        record=True,
    ),
    "predictions": AssetSpec(
        function="wdbc_assets.pipeline.batch_functions:predictions",
        inputs=("incoming_batch", "champion"),
        rules="wdbc_assets.domain.rules.predictions:RULES",
        describe="wdbc_assets.orchestration.metadata.monitoring:describe_predictions",
        jobs=("monitor",),
        command="wdbc monitor",
        group="monitoring",
        owner="team:model",
        kinds=frozenset({"pandas", "parquet"}),
        partitioned=True,
        record=True,
    ),
    "drift_report": AssetSpec(
        function="wdbc_assets.pipeline.batch_functions:drift_report",
        inputs=("incoming_batch", "predictions", "clean_frame", "cross_validation"),
        parameters=settings.DriftParameters,
        rules="wdbc_assets.domain.monitoring.drift_rules:RULES",
        describe="wdbc_assets.orchestration.metadata.monitoring:describe_drift_report",
        jobs=("monitor",),
        command="wdbc monitor",
        due=timedelta(days=8),
        group="monitoring",
        owner="team:model",
        kinds=frozenset({"scipy", "json"}),
        partitioned=True,
    ),
    "outcomes": AssetSpec(
        function="wdbc_assets.pipeline.outcome_functions:outcomes",
        parameters=settings.OutcomeParameters,
        rules="wdbc_assets.domain.monitoring.outcome_rules:OUTCOMES",
        describe="wdbc_assets.orchestration.metadata.monitoring:describe_outcomes",
        jobs=("live",),
        command="wdbc outcomes add",
        group="monitoring",
        owner="team:data",
        kinds=frozenset({"pandas", "parquet"}),
    ),
    "served_windows": AssetSpec(
        function="wdbc_assets.pipeline.served_functions:served_windows",
        rules="wdbc_assets.domain.monitoring.served_rules:WINDOWS",
        describe="wdbc_assets.orchestration.metadata.monitoring:describe_served_windows",
        jobs=("served",),
        command="wdbc monitor --service",
        group="monitoring",
        owner="team:data",
        kinds=frozenset({"numpy", "json"}),
    ),
    "served_drift": AssetSpec(
        function="wdbc_assets.pipeline.served_functions:served_drift",
        inputs=("served_windows", "clean_frame", "cross_validation"),
        parameters=settings.DriftParameters,
        rules="wdbc_assets.domain.monitoring.drift_rules:RULES",
        describe="wdbc_assets.orchestration.metadata.monitoring:describe_drift_report",
        jobs=("served",),
        command="wdbc monitor --service",
        group="monitoring",
        owner="team:model",
        kinds=frozenset({"scipy", "json"}),
    ),
    "served_predictions": AssetSpec(
        function="wdbc_assets.pipeline.served_functions:served_predictions",
        rules="wdbc_assets.domain.monitoring.served_rules:PREDICTIONS",
        describe="wdbc_assets.orchestration.metadata.monitoring:describe_served_predictions",
        jobs=("served", "live"),
        command="wdbc live",
        group="monitoring",
        owner="team:data",
        kinds=frozenset({"pandas", "parquet"}),
    ),
    "live_metrics": AssetSpec(
        function="wdbc_assets.pipeline.outcome_functions:live_metrics",
        inputs=("outcomes", "predictions", "served_predictions", "clean_frame", "cross_validation"),
        rules="wdbc_assets.domain.monitoring.outcome_rules:LIVE_METRICS",
        describe="wdbc_assets.orchestration.metadata.monitoring:describe_live_metrics",
        jobs=("live",),
        command="wdbc live",
        group="monitoring",
        owner="team:model",
        kinds=frozenset({"scipy", "json"}),
    ),
    "labelled_patients": AssetSpec(
        function="wdbc_assets.pipeline.retraining_functions:labelled_patients",
        inputs=("clean_frame", "incoming_batch", "outcomes"),
        rules="wdbc_assets.domain.rules.labelled:PATIENTS",
        validate="wdbc_assets.pipeline.validation:validate_labelled_patients",
        describe="wdbc_assets.orchestration.metadata.retraining:describe_labelled_patients",
        jobs=("retrain",),
        command="wdbc retrain",
        group="monitoring",
        owner="team:data",
        kinds=frozenset({"pandas", "parquet"}),
    ),
    "refit": AssetSpec(
        function="wdbc_assets.pipeline.retraining_functions:refit",
        inputs=("labelled_patients", "train_test_split", "champion"),
        rules="wdbc_assets.domain.promotion.refit_rules:REFIT",
        describe="wdbc_assets.orchestration.metadata.retraining:describe_refit",
        jobs=("retrain",),
        command="wdbc retrain",
        group="monitoring",
        owner="team:model",
        kinds=frozenset({"scikitlearn", "numpy"}),
    ),
    "refit_comparison": AssetSpec(
        function="wdbc_assets.pipeline.retraining_functions:refit_comparison",
        inputs=("labelled_patients", "train_test_split", "refit", "champion"),
        rules="wdbc_assets.domain.promotion.refit_rules:COMPARISON",
        describe="wdbc_assets.orchestration.metadata.retraining:describe_refit_comparison",
        jobs=("retrain",),
        command="wdbc retrain",
        group="monitoring",
        owner="team:model",
        kinds=frozenset({"scipy", "json"}),
        retrains=True,
    ),
}  # fmt: skip
"""Inputs stand before the assets that use them."""

_JOB_NAMES = (
    "train", "refresh", "explore", "evaluate", "promote", "evidence", "monitor", "served", "live", "retrain",
)  # fmt: skip

JOBS: Mapping[str, tuple[str, ...]] = {
    job: tuple(asset for asset, spec in ASSETS.items() if job in spec.jobs) for job in _JOB_NAMES
}
"""The assets of each job, inputs first."""


def batch_inputs(asset: str) -> tuple[str, ...]:
    """Return the inputs of which an asset takes all batches: the partitioned ones of an asset that is not."""
    spec = ASSETS[asset]
    return () if spec.partitioned else tuple(name for name in spec.inputs if ASSETS[name].partitioned)


def of_model() -> dict[str, AssetSpec]:
    """Return the assets with which the model is developed and promoted: all but those of its monitoring."""
    return {name: spec for name, spec in ASSETS.items() if spec.group != "monitoring"}
