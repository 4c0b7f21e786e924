"""The functions of the partitioned assets, as `functions` has those of the others: one call for each incoming batch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from wdbc_assets import settings
from wdbc_assets.domain.data import contract
from wdbc_assets.pipeline.calls import Batches, External, MovedMeanwhile, ReceivedFile, ScoringContext

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from wdbc_assets.domain.data.incoming import IncomingBatch
    from wdbc_assets.domain.evaluation.comparison import CrossValidation
    from wdbc_assets.domain.monitoring.batch_predictions import BatchPredictions
    from wdbc_assets.domain.monitoring.drift import DriftReport
    from wdbc_assets.domain.monitoring.rebased import RebasedReference
    from wdbc_assets.domain.monitoring.streams import Reference
    from wdbc_assets.domain.promotion import bundles
    from wdbc_assets.store.large_evaluation import LargeCrossValidation
    from wdbc_assets.store.table_files import TableFile


def incoming_batch(partition: str, inbox: Batches) -> External:
    """The patients of one file of the inbox: 30 measurements, and a pseudonym in place of the id."""
    from wdbc_assets.domain.data import incoming as batches
    from wdbc_assets.pipeline import pseudonym_key
    from wdbc_assets.scoring import incoming

    key = inbox.pseudonym_key()

    def read() -> tuple[ReceivedFile, "IncomingBatch"]:
        with inbox.reading(partition) as file:
            return file, incoming.read(str(file.path), pseudonym=partial(batches.pseudonym, key))

    try:
        file, batch = read()
    except MovedMeanwhile:  # once at most: after that it stays where it is
        file, batch = read()
    origin = {
        "shown": file.name,
        "sha256": file.sha256,
        "pseudonym_key": pseudonym_key.fingerprint(key),  # tells batches before and after a rotation
    }
    return External(batch, origin, acknowledge=partial(inbox.acknowledge, partition))


def predictions(
    incoming_batch: "IncomingBatch",
    champion: "bundles.Bundle",
    versions: Mapping[str, str],
    scoring_context: ScoringContext,
) -> "BatchPredictions":
    """The champion's prediction for each patient of a batch. A later champion does not change them.

    Beside it stands the prediction of the model before it, by which `live_metrics` compares the two.
    """
    from wdbc_assets.scoring import tables
    from wdbc_assets.store import bundle_loader

    served = bundle_loader.serve(champion, versions["champion"])
    served = replace(served, refers_everyone=scoring_context.refers_everyone)
    return tables.predictions(incoming_batch.patients, served, scoring_context.previous)


def drift_report(
    incoming_batch: "IncomingBatch",
    predictions: "BatchPredictions",
    clean_frame: "pd.DataFrame | TableFile",
    cross_validation: "CrossValidation | LargeCrossValidation",
    parameters: settings.DriftParameters,
    partition: str,
    earlier: "Sequence[DriftReport]",
    rebased: "RebasedReference | None",
) -> "DriftReport":
    """Whether the patients of the last batches still are like those of the reference.

    These are the patients that the model was developed on, or those of batches that `wdbc monitor rebase` accepted.
    """
    from wdbc_assets.domain.monitoring import drift, references

    if rebased is not None:
        reference = references.build(rebased.X, rebased.log_odds, rebased.malignant)
    else:
        reference = drift_reference(clean_frame, cross_validation, predictions.recipe)
    sketch, distances = drift.summarize(reference, _scored_parts(incoming_batch, predictions))
    return drift.report(
        reference,
        [drift.BatchSketch(report.batch, report.sketch) for report in earlier if report.reference == reference.digest],
        drift.BatchSketch(partition, sketch),
        cadence=parameters.drift_cadence,
        distances=distances,
        rebase=None if rebased is None else rebased.rebase,
    )


def _scored_parts(
    batch: "IncomingBatch", predictions: "BatchPredictions"
) -> "Iterator[tuple[list[NDArray[np.float64]], NDArray[np.float64]]]":
    """Yield the measurements and the log-odds of some patients at a time."""
    log_odds = predictions.patients.array_parts(["log_odds"])
    for measurements, (part_log_odds,) in zip(batch.patients.array_parts(contract.FEATURES), log_odds, strict=True):
        yield measurements, part_log_odds


def drift_reference(
    clean_frame: "pd.DataFrame | TableFile", cross_validation: "CrossValidation | LargeCrossValidation", recipe: str
) -> "Reference":
    """Return what drift is measured against: the clean frame, with the out-of-fold predictions of a recipe.

    Raises:
        WdbcError: the recipe was not evaluated, or there are too few patients.
    """
    from wdbc_assets.domain.monitoring import references
    from wdbc_assets.pipeline.engines.developed import DevelopmentPatients

    patients = DevelopmentPatients.of(clean_frame, cross_validation, recipe)
    return references.build(patients.X, patients.log_odds, patients.y)
