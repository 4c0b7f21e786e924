"""The function of each asset: plain Python from the values of its inputs to its own value.

Each function has the name of its asset and imports what it needs itself, so that this module imports neither pandas
nor scikit-learn. Its text and the `domain` modules that it imports determine the asset's code version. Besides its
inputs, a function may request any argument that `pipeline.calls.call` lists. The computation itself is in `domain`.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from wdbc_assets import settings, sources
from wdbc_assets.pipeline.calls import External, Fetcher, NotModified
from wdbc_assets.pipeline.engines.engine import Engine
from wdbc_assets.pipeline.progress import Report
from wdbc_assets.store import parsing
from wdbc_assets.store.checkpoints import Checkpoints
from wdbc_assets.store.manifest import Manifest

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain.data import splitting
    from wdbc_assets.domain.data.exploration import Exploration
    from wdbc_assets.domain.data.lines import LinesFile
    from wdbc_assets.domain.evaluation.comparison import CrossValidation
    from wdbc_assets.domain.evaluation.decision_policy import DecisionPolicy
    from wdbc_assets.domain.evaluation.importance import Importance
    from wdbc_assets.domain.evaluation.metrics_result import Metrics
    from wdbc_assets.domain.evaluation.stability import Stability
    from wdbc_assets.domain.modeling import fitting
    from wdbc_assets.domain.promotion import bundles, card_parts
    from wdbc_assets.store.large_evaluation import LargeCrossValidation
    from wdbc_assets.store.table_files import LargeSplit, TableFile

MADE_OF = ("train_test_split", "fitted_pipeline", "decision_policy")
"""What the champion is made of. Its other inputs are evidence for the gate."""


def raw_data(
    parameters: settings.SourceParameters,
    source: Fetcher,
    known: Manifest | None,
    stored: Callable[[], sources.Snapshot | None],
    report: Report,
) -> External | NotModified:
    """The unpacked bytes of the source: one line per patient, with id, diagnosis and 30 measurements."""
    origin = sources.Origin.from_json(known.origin) if known and known.origin else None
    snapshot = source.fetch(parameters, known=origin, stored=stored, report=report)
    if snapshot is None or (origin and snapshot.origin.says_the_same(origin)):
        return NotModified()
    return External(snapshot.content, snapshot.origin.to_json())


def clean_frame(raw_data: "bytes | LinesFile") -> "pd.DataFrame | TableFile":
    """One row per patient: the diagnosis (1 malignant, 0 benign) and 30 measurements, without ids."""
    from wdbc_assets.pipeline.engines import cleaning

    return cleaning.clean(raw_data)


def exploration(clean_frame: "pd.DataFrame") -> "Exploration":
    """Exploratory analysis: distributions by class, correlations, outliers, and findings in words."""
    from wdbc_assets.domain.data import exploration

    return exploration.explore(clean_frame)


def train_test_split(
    clean_frame: "pd.DataFrame | TableFile", parameters: settings.SplitParameters
) -> "splitting.Split | LargeSplit":
    """The training set, and a test set that the model never sees before it is evaluated."""
    from wdbc_assets.pipeline.engines import splitting

    return splitting.split(clean_frame, parameters)


def fitted_pipeline(
    train_test_split: "splitting.Split | LargeSplit",
    parameters: settings.SearchParameters,
    engine: Engine,
    report: Report,
) -> "fitting.Fit":
    """The recipe's best candidate by cross-validation, fitted on the whole training set."""
    from wdbc_assets.pipeline.engines import training

    return training.fit(train_test_split, parameters, engine, report)


def metrics(
    train_test_split: "splitting.Split | LargeSplit",
    fitted_pipeline: "fitting.Fit",
    parameters: settings.MetricsParameters,
    engine: Engine,
) -> "Metrics":
    """Metrics of the fitted pipeline on the test set, each with its confidence interval, in full precision."""
    from wdbc_assets.pipeline.engines import testing

    return testing.evaluate(train_test_split, fitted_pipeline, parameters, engine)


def cross_validation(
    clean_frame: "pd.DataFrame | TableFile",
    parameters: settings.EvaluationParameters,
    engine: Engine,
    checkpoints: Checkpoints,
    report: Report,
) -> "CrossValidation | LargeCrossValidation":
    """Repeated nested cross-validation: every patient's probability from models that never saw them, by recipe."""
    from wdbc_assets.pipeline.engines import evaluating

    return evaluating.evaluate(clean_frame, parameters, engine, checkpoints, partial(report, "folds evaluated"))


def decision_policy(
    train_test_split: "splitting.Split | LargeSplit",
    fitted_pipeline: "fitting.Fit",
    parameters: settings.PolicyParameters,
    engine: Engine,
    report: Report,
) -> "DecisionPolicy":
    """The threshold for malignant and the referral band, from out-of-fold probabilities of the training set."""
    from wdbc_assets.pipeline.engines import deciding

    return deciding.derive(train_test_split, fitted_pipeline, parameters, engine, partial(report, "folds scored"))


def stability(
    clean_frame: "pd.DataFrame",
    fitted_pipeline: "fitting.Fit",
    parameters: settings.StabilityParameters,
    engine: Engine,
    checkpoints: Checkpoints,
    report: Report,
) -> "Stability":
    """How much the model depends on its patients: bootstrap refits of the recipe, and its learning curve."""
    from wdbc_assets.pipeline.engines import refitting

    return refitting.refit(
        clean_frame,
        fitted_pipeline,
        bootstraps=parameters.bootstrap_refits,
        splits=parameters.learning_splits,
        seed=parameters.stability_seed,
        engine=engine,
        checkpoints=checkpoints,
        report=lambda done, total: report("refits done", done, total),
    )


def importance(
    clean_frame: "pd.DataFrame | TableFile",
    train_test_split: "splitting.Split | LargeSplit",
    fitted_pipeline: "fitting.Fit",
    parameters: settings.ImportanceParameters,
    engine: Engine,
    checkpoints: Checkpoints,
    report: Report,
) -> "Importance":
    """What the model loses without each cluster of measurements, and the exact contributions of a linear recipe."""
    from wdbc_assets.pipeline.engines import explaining

    return explaining.importance(
        clean_frame, train_test_split, fitted_pipeline, parameters, engine, checkpoints, report
    )


def model_card(
    exploration: "Exploration",
    fitted_pipeline: "fitting.Fit",
    metrics: "Metrics",
    cross_validation: "CrossValidation",
    decision_policy: "DecisionPolicy",
    stability: "Stability",
    importance: "Importance",
    parameters: settings.CardParameters,
    versions: Mapping[str, str],
) -> "card_parts.ModelCard":
    """What the model is, its intended use and limits, and every metric with the artifact it comes from."""
    from wdbc_assets.domain.promotion import model_card as model_cards

    inputs = {
        "exploration": exploration,
        "fitted_pipeline": fitted_pipeline,
        "metrics": metrics,
        "cross_validation": cross_validation,
        "decision_policy": decision_policy,
        "stability": stability,
        "importance": importance,
    }
    return model_cards.card(cited_contents(inputs), versions, owner=parameters.owner)


def cited_contents(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a model card may cite of its inputs, as plain values by asset."""
    contents = {
        name: parsing.plain(inputs[name]) for name in ("exploration", "metrics", "decision_policy", "importance")
    }
    return contents | {
        "fitted_pipeline": vars(inputs["fitted_pipeline"]),
        "cross_validation": parsing.plain(inputs["cross_validation"].summary),
        "stability": parsing.plain(inputs["stability"].summary),
    }


def champion(
    train_test_split: "splitting.Split | LargeSplit",
    fitted_pipeline: "fitting.Fit",
    decision_policy: "DecisionPolicy",
    versions: Mapping[str, str],
) -> "bundles.Bundle":
    """The model that serves predictions: a pipeline with its decision policy.

    Materializing this asset promotes nothing, unless it runs in the job `promote` or its configuration contains
    `promote: true`. Then the current pipeline is compared with the champion on the same out-of-fold predictions and
    replaces it if it passes the gate. An observation records the verdict.
    """
    from wdbc_assets.domain.promotion import bundles
    from wdbc_assets.pipeline.engines import bundling

    return bundles.make(
        fitted_pipeline,
        decision_policy,
        bundling.training_set(train_test_split),
        {name: versions[name] for name in MADE_OF},
    )
