"""The functions of the retraining: the labelled patients, an evaluation on them, a refit, and its comparison."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wdbc_assets import settings
from wdbc_assets.pipeline.engines.engine import Engine
from wdbc_assets.pipeline.progress import Report
from wdbc_assets.store.checkpoints import Checkpoints

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain.data.incoming import IncomingBatch
    from wdbc_assets.domain.data.labelled import LabelledPatients
    from wdbc_assets.domain.data.splitting import Split
    from wdbc_assets.domain.evaluation.comparison import CrossValidation
    from wdbc_assets.domain.promotion.bundles import Bundle
    from wdbc_assets.domain.promotion.refit_comparison import RefitComparison


def labelled_patients(
    clean_frame: "pd.DataFrame", incoming_batch: "Mapping[str, IncomingBatch]", outcomes: "pd.DataFrame"
) -> "LabelledPatients":
    """The patients of the reference, and those of all batches whose diagnosis became known, with their arrival."""
    from wdbc_assets.domain.monitoring import collection

    return collection.collect(clean_frame, incoming_batch, outcomes)


def labelled_cross_validation(
    labelled_patients: "LabelledPatients",
    parameters: settings.EvaluationParameters,
    engine: Engine,
    checkpoints: Checkpoints,
    report: Report,
) -> "CrossValidation":
    """The evaluation of `cross_validation` on the labelled patients: those of the reference and later ones together.

    The gate compares a candidate of another recipe than the champion's by it, if it has both.
    """
    from wdbc_assets.pipeline.engines import folds

    labelled_patients.require_later()
    return folds.evaluate(
        labelled_patients.frame,
        recipes=parameters.evaluated_recipes.split(","),
        protocol=parameters.protocol,
        method=parameters.split_method,
        engine=engine,
        checkpoints=checkpoints,
        report=lambda done, total: report("folds evaluated", done, total),
    )


def refit(
    labelled_patients: "LabelledPatients",
    train_test_split: "Split",
    champion: "Bundle",
    versions: Mapping[str, str],
    report: Report,
) -> "Bundle":
    """The champion's recipe, fitted on the training set and on the labelled patients but the newest."""
    from wdbc_assets.domain.promotion import refit as refits

    return refits.refit(labelled_patients, train_test_split, champion, versions=versions, progress=report)


def refit_comparison(
    labelled_patients: "LabelledPatients",
    train_test_split: "Split",
    refit: "Bundle",
    champion: "Bundle",
    versions: Mapping[str, str],
) -> "RefitComparison":
    """Whether the refit is better than the champion on the newest labelled patients, which neither was fitted on.

    In a run of the job `retrain`, the comparison is recorded in the audit log. A refit that is better replaces the
    champion if the setting `WDBC_AUTO_PROMOTE` is `evidence`; otherwise `wdbc promote --refit` does it.
    """
    from wdbc_assets.domain.promotion import refit_comparison

    return refit_comparison.compare(labelled_patients, train_test_split, refit, champion, versions=versions)
