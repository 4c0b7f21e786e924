"""What stands beside the champion when a batch is scored: the model before it, and the policy "refer everyone"."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline.calls import Production
from wdbc_assets.registry import referral
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.registry.standings import Standing
from wdbc_assets.store import bundle_loader
from wdbc_assets.store.bundle_loader import Served
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.store import Store


@dataclass(frozen=True)
class Beside:
    """What stands beside the champion, and why the model before it scores no patient, if it does not."""

    production: Production
    problem: str = ""


def beside(store: Store, champion: str) -> Beside:
    """Return what stands beside a version of the champion. A problem of the model before it is never an error."""
    standing = open_registry(store).standing()
    refers_everyone = referral.current(standing.history) is not None
    try:
        previous, problem = _previous(store, standing, champion), ""
    except WdbcError as error:
        previous, problem = None, error.what
    return Beside(Production(previous, refers_everyone), problem)


def as_stated(store: Store, parameters: Mapping[str, Any]) -> Production:
    """Return what stood beside the champion as the parameters in a manifest state it.

    Raises:
        WdbcError: the model before it is damaged or was removed.
    """
    version = str(parameters.get("previous") or "")
    return Production(_opened(store, version) if version else None, bool(parameters.get("refers_everyone")))


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
