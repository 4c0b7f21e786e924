"""The drift of a single file, as `wdbc monitor FILE` shows it. Nothing is stored."""

from typing import TYPE_CHECKING

from wdbc_assets import settings
from wdbc_assets.pipeline import batch_functions, staleness
from wdbc_assets.registry import references
from wdbc_assets.scoring import incoming, tables
from wdbc_assets.store import bundle_loader
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    from wdbc_assets.domain.data.incoming import IncomingBatch
    from wdbc_assets.domain.monitoring.drift import DriftReport


def assess(file: str, store: Store, config: settings.Settings) -> "tuple[IncomingBatch, DriftReport]":
    """Compare the patients of a file with those of the current reference, without earlier batches; return both.

    Raises:
        WdbcError: the file cannot be read, or the champion, the clean frame or the cross-validation is missing.
    """
    served = bundle_loader.open_champion(store)
    for asset in ("clean_frame", "cross_validation"):
        staleness.require_made(store, asset)
    inputs = staleness.as_evaluated({name: store.handle(name) for name in ("clean_frame", "cross_validation")})
    rebase = references.of_batch(store, None)
    batch = incoming.read(file, pseudonym=lambda _: "")
    return batch, batch_functions.drift_report(
        batch,
        tables.predictions(batch.patients, served, None),
        inputs["clean_frame"].load(),
        inputs["cross_validation"].load(),
        settings.parameters_of(settings.DriftParameters, config, {}),
        partition=file,
        earlier=(),
        rebased=references.load(store, rebase, served.version) if rebase else None,
    )
