"""The model assets: the fitted pipeline, its metrics on unseen patients, and the evidence about it.

Recipes and search are in `domain.modeling`; metrics, cross-validation, floors, decision policy and importance are in
`domain.evaluation`; the model card is in `domain.promotion`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wdbc_assets import settings
from wdbc_assets.orchestration import metadata
from wdbc_assets.orchestration.materialize import versioned_asset
from wdbc_assets.store.checkpoints import Checkpoints

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain.data import splitting
    from wdbc_assets.domain.evaluation import cross_validation as nested
    from wdbc_assets.domain.modeling import fitting
    from wdbc_assets.domain.promotion import card_parts


@versioned_asset(kinds={"scikitlearn"}, owners=["team:model"], describe=metadata.describe_fitted_pipeline)
def fitted_pipeline(
    train_test_split: "splitting.Split", parameters: settings.SearchParameters, report: metadata.Report
) -> "fitting.Fit":
    """The recipe's best candidate by cross-validation, fitted on the whole training set."""
    from wdbc_assets.domain.modeling import fitting

    return fitting.fit(
        train_test_split.X_train,
        train_test_split.y_train,
        recipe=parameters.recipe,
        grid=parameters.grid,
        folds=parameters.folds,
        seed=parameters.search_seed,
        progress=lambda done, total: report("candidates evaluated", done, total),
    )


@versioned_asset(kinds={"scikitlearn", "json"}, owners=["team:model"], describe=metadata.describe_metrics)
def metrics(
    train_test_split: "splitting.Split",
    fitted_pipeline: "fitting.Fit",
    parameters: settings.MetricsParameters,
) -> dict[str, Any]:
    """Metrics of the fitted pipeline on the test set, each with its confidence interval, in full precision."""
    from wdbc_assets.domain.evaluation import metrics as evaluation_metrics
    from wdbc_assets.domain.modeling import prediction

    return evaluation_metrics.evaluate(
        train_test_split.y_test,
        prediction.predict(fitted_pipeline.pipeline, train_test_split.X_test),
        bootstrap=parameters.bootstrap,
        seed=parameters.bootstrap_seed,
        confidence=parameters.confidence,
    )


@versioned_asset(kinds={"scikitlearn", "parquet"}, owners=["team:model"], describe=metadata.describe_cross_validation)
def cross_validation(
    clean_frame: "pd.DataFrame",
    parameters: settings.EvaluationParameters,
    effort: settings.Effort,
    checkpoints: Checkpoints,
    report: metadata.Report,
) -> "nested.CrossValidation":
    """Repeated nested cross-validation: every patient's probability from models that never saw them, by recipe."""
    from wdbc_assets.pipeline.engines import local

    return local.evaluate(
        clean_frame,
        recipes=parameters.evaluated_recipes.split(","),
        protocol=parameters.protocol,
        workers=effort.processes(),
        checkpoints=checkpoints,
        report=lambda done, total: report("folds evaluated", done, total),
    )


@versioned_asset(kinds={"scikitlearn", "json"}, owners=["team:model"], describe=metadata.describe_decision_policy)
def decision_policy(
    train_test_split: "splitting.Split",
    fitted_pipeline: "fitting.Fit",
    parameters: settings.PolicyParameters,
    report: metadata.Report,
) -> dict[str, Any]:
    """The threshold for malignant and the referral band, from out-of-fold probabilities of the training set."""
    from wdbc_assets.domain.evaluation import decision_policy as evaluation_decision_policy

    return evaluation_decision_policy.policy(
        train_test_split,
        fitted_pipeline,
        recall_target=parameters.recall_target,
        alpha=parameters.referral_alpha,
        folds=parameters.policy_folds,
        seed=parameters.policy_seed,
        progress=lambda done, total: report("folds scored", done, total),
    )


@versioned_asset(kinds={"scikitlearn", "json"}, owners=["team:model"], describe=metadata.describe_importance)
def importance(
    train_test_split: "splitting.Split",
    fitted_pipeline: "fitting.Fit",
    parameters: settings.ImportanceParameters,
) -> dict[str, Any]:
    """Permutation importance of each measurement, and the exact contributions of a linear recipe."""
    from wdbc_assets.domain.evaluation import importance as evaluation_importance

    return evaluation_importance.importance(
        train_test_split,
        fitted_pipeline,
        repeats=parameters.importance_repeats,
        seed=parameters.importance_seed,
    )


@versioned_asset(kinds={"markdown"}, owners=["team:model"], describe=metadata.describe_model_card)
def model_card(
    exploration: dict[str, Any],
    fitted_pipeline: "fitting.Fit",
    metrics: dict[str, Any],
    cross_validation: "nested.CrossValidation",
    decision_policy: dict[str, Any],
    importance: dict[str, Any],
    versions: Mapping[str, str],
) -> "card_parts.ModelCard":
    """What the model is, its intended use and limits, and every metric with the artifact it comes from."""
    from wdbc_assets.domain.promotion import model_card as model_cards

    contents = {
        "exploration": exploration,
        "fitted_pipeline": vars(fitted_pipeline),
        "metrics": metrics,
        "cross_validation": cross_validation.summary,
        "decision_policy": decision_policy,
        "importance": importance,
    }
    return model_cards.card(contents, versions)
