"""By which parameters a version is derived again: those of its manifest, under what is set explicitly now."""

from dataclasses import dataclass

from pydantic import BaseModel

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import specs, staleness
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.verification.causes import Cause


@dataclass(frozen=True)
class Configuration:
    """Parameters as they are now and as the manifest states them (None: they cannot be used any more), and changes."""

    now: BaseModel | None
    stated: BaseModel | None
    changes: tuple[Cause, ...]


def resolve(asset: str, manifest: Manifest, chosen: settings.Settings) -> Configuration:
    """Return the parameters of an asset.

    A setting counts as explicit if it stands in the environment or in .env: the default of a setting may have changed
    since, and the choice of an earlier `wdbc run --recipe ...` stands nowhere but in the manifest.

    Raises:
        WdbcError: a parameter is out of its bounds today.
    """
    kind = specs.ASSETS[asset].parameters
    if kind is None:
        return Configuration(None, None, ())
    stated = {name: value for name, value in manifest.parameters.items() if name in kind.model_fields}
    kept = {name: value for name, value in stated.items() if name not in chosen.model_fields_set}
    changes = [
        Cause("configuration", name, manifest.parameters.get(name), value)
        for name, value in staleness.resolved(asset, chosen, kept).items()
        if manifest.parameters.get(name) != value
    ]
    now = settings.parameters_of(kind, chosen, kept)
    try:
        before = settings.parameters_of(kind, chosen, stated) if changes else now
    except WdbcError:
        before = None
    return Configuration(now, before, tuple(changes))
