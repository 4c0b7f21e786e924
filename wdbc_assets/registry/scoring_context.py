"""What holds in production while a batch is scored: the model before the champion, and the policy "refer everyone"."""

from collections.abc import Mapping
from typing import Any

from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline.calls import ScoringContext
from wdbc_assets.registry import referral
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.registry.standings import Standing
from wdbc_assets.store import bundle_loader
from wdbc_assets.store.bundle_loader import Served
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.store import Store


def current(store: Store, champion: str) -> ScoringContext:
    """Return what holds now besides a version of the champion. A problem of the model before it is never an error."""
    standing = open_registry(store).standing()
    refers_everyone = referral.current(standing.history) is not None
    try:
        return ScoringContext(_previous(store, standing, champion), refers_everyone=refers_everyone)
    except WdbcError as error:
        return ScoringContext(None, error.what, refers_everyone)


def as_stated(store: Store, parameters: Mapping[str, Any]) -> ScoringContext:
    """Return what held when predictions were made, from the parameters in their manifest: see `ScoringContext.stated`.

    Raises:
        WdbcError: the model before the champion is damaged or was removed.
    """
    version = str(parameters.get("previous") or "")
    previous = _opened(store, version) if version else None
    return ScoringContext(previous, refers_everyone=bool(parameters.get("refers_everyone")))


def _previous(store: Store, standing: Standing, champion: str) -> Served | None:
    """Return the model that a rollback would restore, opened and tested; None if there is none."""
    if standing.version != champion:
        raise WdbcError(f"{formatting.short(champion)} is no longer the champion")
    entry = standing.previous_model
    return None if entry is None or entry.after is None else _opened(store, entry.after)


def _opened(store: Store, version: str) -> Served:
    manifest = open_registry(store).promoted(version)
    if manifest is None:
        raise DamagedStore(f"the champion before it, {formatting.short(version)}, was removed")
    return bundle_loader.open_bundle(bundle_loader.read(store, manifest))
