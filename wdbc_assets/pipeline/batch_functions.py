"""The functions of the partitioned assets, as `functions` has those of the others: one call for each incoming batch."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from wdbc_assets import settings
from wdbc_assets.domain.data import contract
from wdbc_assets.pipeline.calls import Batches, External

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain.data.incoming import IncomingBatch
    from wdbc_assets.domain.evaluation.comparison import CrossValidation
    from wdbc_assets.domain.monitoring.drift import DriftReport
    from wdbc_assets.domain.monitoring.streams import Reference
    from wdbc_assets.domain.promotion import bundles

_KEY_DIGITS = 12


def incoming_batch(partition: str, inbox: Batches) -> External:
    """The patients of one file of the inbox: 30 measurements, and a pseudonym in place of the id."""
    import hashlib

    from wdbc_assets.domain.data import incoming as batches
    from wdbc_assets.scoring import incoming

    key = inbox.pseudonym_key()
    with inbox.reading(partition) as file:
        batch = incoming.read(str(file.path), pseudonym=partial(batches.pseudonym, key))
    origin = {
        "shown": file.name,
        "sha256": file.sha256,
        "pseudonym_key": hashlib.sha256(key).hexdigest()[:_KEY_DIGITS],  # tells batches before and after a rotation
    }
    return External(batch, origin, acknowledge=partial(inbox.acknowledge, partition))


def predictions(
    incoming_batch: "IncomingBatch", champion: "bundles.Bundle", versions: Mapping[str, str]
) -> "pd.DataFrame":
    """The champion's prediction for each patient of a batch. A later champion does not change them."""
    from wdbc_assets.scoring import tables
    from wdbc_assets.store import bundle_loader

    return tables.predictions(incoming_batch.table, bundle_loader.serve(champion, versions["champion"]))


def drift_report(
    incoming_batch: "IncomingBatch",
    predictions: "pd.DataFrame",
    clean_frame: "pd.DataFrame",
    cross_validation: "CrossValidation",
    parameters: settings.DriftParameters,
    partition: str,
    earlier: "Sequence[DriftReport]",
) -> "DriftReport":
    """Whether the patients of the last batches still are like those that the model was developed on."""
    from wdbc_assets.domain.monitoring import distances, drift, streams

    reference = drift_reference(clean_frame, cross_validation, str(predictions["recipe"].iloc[0]))
    X = incoming_batch.table[list(contract.FEATURES)].to_numpy()
    quantities = reference.quantities(X, predictions["log_odds"].to_numpy())
    return drift.report(
        reference,
        [drift.BatchSketch(one.batch, one.sketch) for one in earlier if one.reference == reference.digest],
        drift.BatchSketch(partition, streams.of_quantities(reference, quantities)),
        cadence=parameters.drift_cadence,
        distances=distances.distances(reference, quantities),
    )


def drift_reference(clean_frame: "pd.DataFrame", cross_validation: "CrossValidation", recipe: str) -> "Reference":
    """Return what drift is measured against: the clean frame, with the out-of-fold predictions of a recipe.

    Raises:
        WdbcError: the recipe was not evaluated, or there are too few patients.
    """
    from wdbc_assets.domain.evaluation import log_odds
    from wdbc_assets.domain.monitoring import streams

    return streams.reference(
        clean_frame[list(contract.FEATURES)],
        log_odds.out_of_fold(cross_validation.predictions, recipe),
        clean_frame[contract.DIAGNOSIS],
    )
