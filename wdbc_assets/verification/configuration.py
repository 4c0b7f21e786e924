"""The parameters for re-deriving a version: those of its manifest, overridden by explicit settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.pipeline import specs, staleness
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.verification.causes import Deviation


@dataclass(frozen=True)
class Configuration:
    """Parameters: current (`now`), as in the manifest (`stated`; None if no longer valid), and the changes."""

    now: BaseModel | None
    stated: BaseModel | None
    changes: tuple[Deviation, ...]


def resolve(asset: str, manifest: Manifest, config: settings.Settings) -> Configuration:
    """Return the parameters of an asset.

    Only settings in the environment or .env override the manifest. Defaults do not, because they may have changed, and
    options of an earlier run (`wdbc run --recipe ...`) are recorded only in the manifest.

    Raises:
        WdbcError: A parameter is out of bounds, or names a recipe that no longer exists.
    """
    kind = specs.ASSETS[asset].parameters
    if kind is None:
        return Configuration(None, None, ())
    before = {name: staleness.stated(manifest, name) for name in kind.model_fields}
    stated = {name: value for name, value in before.items() if name in manifest.parameters or value is not None}
    kept = {name: value for name, value in stated.items() if name not in config.model_fields_set}
    _require_recipes(asset, kept)
    changes = [
        Deviation("configuration", name, staleness.stated(manifest, name), value)
        for name, value in staleness.resolved(asset, config, kept).items()
        if staleness.stated(manifest, name) != value
    ]
    now = settings.parameters_of(kind, config, kept)
    try:
        then = settings.parameters_of(kind, config, stated) if changes else now
    except WdbcError:
        then = None
    return Configuration(now, then, tuple(changes))


def _require_recipes(asset: str, stated: Mapping[str, Any]) -> None:
    """Raise WdbcError if the manifest names a recipe that no longer exists, which is no error of the settings."""
    for name in str(stated.get(specs.ASSETS[asset].recipes) or "").split(","):
        if name:
            recipes.of_stored(name)
