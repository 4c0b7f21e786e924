"""The plain functions behind the assets, and how one is called: by a run, or by whoever derives a value again."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from wdbc_assets import settings
from wdbc_assets.store.checkpoints import Checkpoints
from wdbc_assets.store.manifest import Manifest

FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""Each asset's function, once the module that holds it has been imported."""


@dataclass(frozen=True)
class External:
    """A value that came from outside, with where it came from."""

    value: Any
    origin: Mapping[str, Any]


class NotModified:
    """What an asset returns when the source says that the known version is still current."""


def register(function: Callable[..., Any]) -> str:
    """Remember the function of an asset, and return the asset's name."""
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
    """Call an asset's function with what it asks for by name: any of its inputs, and any of the rest.

    `versions` says which version of each input the value is; `known` is the manifest of a current version that is up to
    date but for the source; `report` takes progress (a message, and how many of how many are done); `effort` is what
    the function may use; `checkpoints` gives the place where finished parts of long work are kept, and is made only for
    a function that asks for it.
    """
    offers: dict[str, Callable[[], Any]] = {
        "versions": lambda: versions,
        "parameters": lambda: parameters,
        "source": lambda: source,
        "known": lambda: known,
        "report": lambda: report,
        "effort": lambda: effort,
        "checkpoints": checkpoints,
    }
    function = FUNCTIONS[asset]
    asked = inspect.signature(function).parameters
    return function(**{name: inputs[name] if name in inputs else offers[name]() for name in asked})
