"""The functions of the assets, and the call that runs and verification share."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from wdbc_assets import settings
from wdbc_assets.store.checkpoints import Checkpoints
from wdbc_assets.store.manifest import Manifest

FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""The function of each asset. Filled when the module that defines it is imported."""


@dataclass(frozen=True)
class External:
    """A value from an external source, with its origin."""

    value: Any
    origin: Mapping[str, Any]


class NotModified:
    """Returned by an asset whose source has not changed since the known version."""


def register(function: Callable[..., Any]) -> str:
    """Register the function of an asset, and return the asset's name."""
    FUNCTIONS[function.__name__] = function
    return function.__name__


def call(
    asset: str,
    inputs: Mapping[str, Any],
    *,
    versions: Mapping[str, str],
    parameters: BaseModel | None,
    source: Any,
    known: Manifest | None,
    report: Callable[..., None],
    effort: settings.Effort,
    checkpoints: Callable[[], Checkpoints],
) -> Any:
    """Call an asset's function with the arguments that its signature names.

    Args:
        asset: Name of the asset.
        inputs: Values of the inputs.
        versions: Versions of the inputs.
        parameters: Parameters of the asset, if it has any.
        source: The source resource.
        known: Manifest of the current version, if it is up to date except possibly for the source.
        report: Receives progress: a message, and optionally the number of finished units and the total.
        effort: Resources that the function may use.
        checkpoints: Creates the checkpoints for long computations. Called only if the function requests them.
    """
    arguments: dict[str, Callable[[], Any]] = {
        "versions": lambda: versions,
        "parameters": lambda: parameters,
        "source": lambda: source,
        "known": lambda: known,
        "report": lambda: report,
        "effort": lambda: effort,
        "checkpoints": checkpoints,
    }
    function = FUNCTIONS[asset]
    names = inspect.signature(function).parameters
    return function(**{name: inputs[name] if name in inputs else arguments[name]() for name in names})
