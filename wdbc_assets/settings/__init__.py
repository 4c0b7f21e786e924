"""What a user can set: environment variables, the `.env` file, and the parameters of each asset.

Each setting is stated once, in `parameters` or `conduct`, with its default and its bounds. The environment variable is
`WDBC_` and the name in capitals (`WDBC_TEST_SIZE`). A run's configuration in Dagster and the options of `wdbc run` win
over it. Nothing else in the package reads the environment, but for `folders`: the home of Dagster's instance, and what
`wdbc serve` hands to the processes of the service.
"""

import os
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wdbc_assets import safe_text
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.settings.locations import (
    INSTANCE_FILE,
    ensure_home,
    hand_over_access,
    hand_over_metrics_folder,
    home,
    metrics_folder,
    project_root,
    run_limit_seconds,
    service_access,
    without_metrics,
    writable_folders,
)
from wdbc_assets.settings.parameters import (
    EvaluationParameters,
    ImportanceParameters,
    MetricsParameters,
    PolicyParameters,
    SearchParameters,
    SourceParameters,
    SplitParameters,
)
from wdbc_assets.settings.runtime import Effort, FetchLimits, Identity, Monitoring, Privacy, Serving
from wdbc_assets.settings.variables import ENV_FILE, PREFIX, proxies, stated

__all__ = [
    "ENV_FILE",
    "INSTANCE_FILE",
    "PREFIX",
    "Effort",
    "EvaluationParameters",
    "FetchLimits",
    "Identity",
    "ImportanceParameters",
    "MetricsParameters",
    "Monitoring",
    "PolicyParameters",
    "Privacy",
    "SearchParameters",
    "Serving",
    "Settings",
    "SourceParameters",
    "SplitParameters",
    "ensure_home",
    "hand_over_access",
    "hand_over_metrics_folder",
    "home",
    "load",
    "metrics_folder",
    "parameters_of",
    "project_root",
    "run_limit_seconds",
    "service_access",
    "variable",
    "without_metrics",
    "writable_folders",
]


class Settings(
    SourceParameters,
    SplitParameters,
    SearchParameters,
    MetricsParameters,
    EvaluationParameters,
    PolicyParameters,
    ImportanceParameters,
    Effort,
    FetchLimits,
    Privacy,
    Serving,
    Monitoring,
    Identity,
):
    """Every setting."""

    model_config = ConfigDict(hide_input_in_errors=True, validate_default=True)

    storage: str = Field("results", min_length=1, description="folder or URL of the artifact store")
    log: str = Field("logs/wdbc.jsonl", min_length=1, description="file of the central log (JSON lines, rotating)")


ParametersT = TypeVar("ParametersT", bound=BaseModel)


def load(**overrides: object) -> Settings:
    """Read every setting: `overrides` that are not None, else the environment, else `.env` in the current folder.

    What is secret in them is hidden from now on, wherever it might be shown.

    Raises:
        WdbcError: a setting is unknown or out of its bounds; one line, naming its variable.
    """
    fields = {variable(name): name for name in Settings.model_fields}
    numbers = {name for name, field in fields.items() if _is_number(Settings.model_fields[field].annotation)}
    found = {fields[name]: value for name, value in stated(fields, numbers=numbers).items()}
    options = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings.model_validate({name: value.value for name, value in found.items()} | options)
    except ValidationError as error:
        raise _refusal(error, {name: found[name].where for name in found.keys() - options.keys()}) from None
    safe_text.remember(settings.storage, settings.source, *proxies(os.environ), variables=os.environ.items())
    return settings


def parameters_of(kind: type[ParametersT], settings: Settings, overrides: Mapping[str, Any]) -> ParametersT:
    """Return the parameters of one asset: the settings, overruled by a run's configuration.

    Raises:
        WdbcError: a value is out of its bounds.
    """
    values = {name: getattr(settings, name) for name in kind.model_fields}
    try:
        return kind(**{**values, **overrides})
    except ValidationError as error:
        places = dict.fromkeys(overrides, "the run's configuration")
        raise _refusal(error, places) from None


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def _is_number(annotation: Any) -> bool:
    return not {int, float}.isdisjoint({annotation, *get_args(annotation)})


def _refusal(error: ValidationError, places: Mapping[str, str]) -> WdbcError:
    """Name each wrong setting, its place and its default.

    The value itself is left out: a mistyped setting may hold a credential.
    """
    faults = [(str(fault["loc"][0]), fault) for fault in error.errors(include_input=False)]
    lines = [f"{variable(name)}: {_possible(fault)}" for name, fault in faults]
    defaults = {variable(name): _default(Settings.model_fields[name].default) for name, _ in faults}
    return WdbcError(
        "a setting is wrong: " + "; ".join(lines),
        where="; ".join(dict.fromkeys(places.get(name, "the command's options") for name, _ in faults)),
        hint="Correct it there, or remove it; then this holds: "
        + ", ".join(f"{name}={default}" for name, default in defaults.items()),
    )


def _possible(fault: Mapping[str, Any]) -> str:
    return f"{fault['msg']}; possible: true, false" if fault["type"].startswith("bool_") else str(fault["msg"])


def _default(value: object) -> str:
    return "nothing" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
