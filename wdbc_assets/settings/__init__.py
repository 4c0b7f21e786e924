"""User configuration: environment variables, the `.env` file and the parameters of each asset.

Each setting is declared once, in `parameters` or `runtime`, with its default and its bounds. Its environment variable
is `WDBC_` plus the name in capitals (`WDBC_TEST_SIZE`). A run's configuration in Dagster and the options of `wdbc run`
take precedence. No other module reads the environment, except `locations`, which handles Dagster's home and what
`wdbc serve` passes to its worker processes.
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wdbc_assets import safe_text
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.settings.alert_channels import SEVERITIES, AlertChannel, Severity
from wdbc_assets.settings.computing import Computing
from wdbc_assets.settings.locations import (
    INSTANCE_FILE,
    WORKSPACE_FILE,
    clock_file,
    ensure_home,
    hand_over_access,
    hand_over_clock,
    hand_over_metrics_folder,
    home,
    metrics_folder,
    project_root,
    run_limit_seconds,
    service_access,
    use_only,
    without_metrics,
    writable_folders,
)
from wdbc_assets.settings.parameters import (
    CardParameters,
    DriftParameters,
    EvaluationParameters,
    ImportanceParameters,
    MetricsParameters,
    OutcomeParameters,
    PolicyParameters,
    SearchParameters,
    SourceParameters,
    SplitParameters,
    StabilityParameters,
)
from wdbc_assets.settings.runtime import Alerts, FetchLimits, Identity, Monitoring, Privacy, Retraining, Serving
from wdbc_assets.settings.variables import ENV_FILE, PREFIX, proxies, stated

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from wdbc_assets.store.store import Store

__all__ = [
    "ENV_FILE",
    "INSTANCE_FILE",
    "PREFIX",
    "SEVERITIES",
    "WORKSPACE_FILE",
    "AlertChannel",
    "Alerts",
    "CardParameters",
    "Computing",
    "DriftParameters",
    "EvaluationParameters",
    "FetchLimits",
    "Identity",
    "ImportanceParameters",
    "MetricsParameters",
    "Monitoring",
    "OutcomeParameters",
    "PolicyParameters",
    "Privacy",
    "Retraining",
    "SearchParameters",
    "Serving",
    "Settings",
    "Severity",
    "SourceParameters",
    "SplitParameters",
    "StabilityParameters",
    "clock_file",
    "ensure_home",
    "hand_over_access",
    "hand_over_clock",
    "hand_over_metrics_folder",
    "home",
    "load",
    "metrics_folder",
    "parameters_of",
    "project_root",
    "run_limit_seconds",
    "service_access",
    "use_only",
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
    StabilityParameters,
    ImportanceParameters,
    CardParameters,
    DriftParameters,
    OutcomeParameters,
    Computing,
    FetchLimits,
    Privacy,
    Serving,
    Monitoring,
    Retraining,
    Alerts,
    Identity,
):
    """All settings."""

    model_config = ConfigDict(hide_input_in_errors=True, validate_default=True)

    storage: str = Field("results", min_length=1, description="folder or URL of the artifact store")
    log: str = Field("logs/wdbc.jsonl", min_length=1, description="path of the central log file (JSON lines, rotated)")

    def open_store(self, location: str | None = None) -> "Store":
        """Return the configured store, or the one at another folder or URL. Folders are relative to the project's.

        Raises:
            WdbcError: the address cannot be used.
        """
        from wdbc_assets.store.store import open_store

        return open_store(self.storage if location is None else location, relative_to=project_root())


ParametersT = TypeVar("ParametersT", bound=BaseModel)


def load(**overrides: object) -> Settings:
    """Read all settings: non-None `overrides` first, then the environment, then `.env` in the current folder.

    Secrets in the settings are redacted in all output from now on.

    Raises:
        WdbcError: a setting is unknown or out of bounds; one line that names its variable.
    """
    fields = {variable(name): name for name in Settings.model_fields}
    numbers = {name for name, field in fields.items() if _is_number(Settings.model_fields[field].annotation)}
    given = {fields[name]: value for name, value in stated(fields, numbers=numbers).items()}
    options = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings.model_validate({name: value.value for name, value in given.items()} | options)
    except ValidationError as error:
        raise _refusal(error, {name: given[name].where for name in given.keys() - options.keys()}) from None
    safe_text.remember(settings.storage, settings.source, *proxies(os.environ), variables=os.environ.items())
    for channel in settings.alert_channels():
        safe_text.remember_whole(channel.url)
    return settings


def parameters_of(kind: type[ParametersT], settings: Settings, overrides: Mapping[str, Any]) -> ParametersT:
    """Return the parameters of one asset: the settings, overridden by a run's configuration.

    Raises:
        WdbcError: a value is out of bounds.
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
    """Name each invalid setting, where it is set, and its default.

    The value itself is left out: a mistyped setting may contain a credential.
    """
    faults = [(str(fault["loc"][0]), fault) for fault in error.errors(include_input=False)]
    lines = [f"{variable(name)}: {_possible(fault)}" for name, fault in faults]
    return WdbcError(
        "invalid setting: " + "; ".join(lines),
        where="; ".join(dict.fromkeys(places.get(name, "the command's options") for name, _ in faults)),
        hint=_hint({variable(name): Settings.model_fields[name].default for name, _ in faults}),
    )


def _hint(defaults: Mapping[str, object]) -> str:
    unset = [name for name, default in defaults.items() if default is None or default == ""]
    values = [f"{name}={_text(default)}" for name, default in defaults.items() if name not in unset]
    hint = "Correct it, or remove it"
    if values:
        hint += f" to use the default: {', '.join(values)}"
    return hint + "".join(f"; by default {name} is not set" for name in unset)


def _possible(fault: "ErrorDetails") -> str:
    message = str(fault["msg"]).removeprefix("Value error, ")
    return f"{message}; use true or false" if fault["type"].startswith("bool_") else message


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
