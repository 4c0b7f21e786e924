"""What a user can set: environment variables, the `.env` file, and the parameters of each asset.

Each setting is stated once, in `parameters` or `conduct`, with its default and its bounds. The environment variable is
`WDBC_` and the name in capitals (`WDBC_TEST_SIZE`). A run's configuration in Dagster and the options of `wdbc run` win
over it. Nothing else in the package reads the environment, but for two folders (`folders`): the home of Dagster's
instance, and where the service counts.
"""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.settings.conduct import Effort, Identity, Patience, Privacy, Serving
from wdbc_assets.settings.folders import ENV_FILE, ensure_home, metrics_folder, project_root, without_metrics
from wdbc_assets.settings.parameters import (
    EvaluationParameters,
    ImportanceParameters,
    MetricsParameters,
    PolicyParameters,
    SearchParameters,
    SourceParameters,
    SplitParameters,
)

__all__ = [
    "ENV_FILE",
    "PREFIX",
    "Effort",
    "EvaluationParameters",
    "Identity",
    "ImportanceParameters",
    "MetricsParameters",
    "Patience",
    "PolicyParameters",
    "Privacy",
    "SearchParameters",
    "Serving",
    "Settings",
    "SourceParameters",
    "SplitParameters",
    "ensure_home",
    "load",
    "metrics_folder",
    "parameters_of",
    "project_root",
    "variable",
    "without_metrics",
]

PREFIX = "WDBC_"


class Settings(
    SourceParameters,
    SplitParameters,
    SearchParameters,
    MetricsParameters,
    EvaluationParameters,
    PolicyParameters,
    ImportanceParameters,
    Effort,
    Patience,
    Privacy,
    Serving,
    Identity,
    BaseSettings,
):
    """Every setting; read from the environment first, then from `.env` in the current folder (as Dagster does)."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file_encoding="utf-8", extra="ignore", hide_input_in_errors=True
    )

    storage: str = Field("results", min_length=1, description="folder or URL of the artifact store")
    log: str = Field("logs/wdbc.jsonl", min_length=1, description="file of the central log (JSON lines, rotating)")


ParametersT = TypeVar("ParametersT", bound=BaseModel)


def load(**overrides: object) -> Settings:
    """Read every setting; `overrides` that are not None win over the environment.

    Raises:
        WdbcError: a setting is unknown or out of its bounds; one line, naming its variable.
    """
    _refuse_unknown(os.environ)
    try:
        given = {name: value for name, value in overrides.items() if value is not None}
        return Settings(_env_file=ENV_FILE, **given)  # type: ignore[call-arg, arg-type] # pydantic validates them
    except ValidationError as error:
        raise _refusal(error) from None
    except UnicodeDecodeError:
        raise WdbcError(
            "the file .env is not UTF-8 text", where=str(Path.cwd() / ENV_FILE), mend="Save it as UTF-8."
        ) from None


def parameters_of(kind: type[ParametersT], settings: Settings, overrides: Mapping[str, Any]) -> ParametersT:
    """Return the parameters of one asset: the settings, overruled by a run's configuration.

    Raises:
        WdbcError: a value is out of its bounds.
    """
    values = {name: getattr(settings, name) for name in kind.model_fields}
    try:
        return kind(**{**values, **overrides})
    except ValidationError as error:
        raise _refusal(error) from None


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    """A mistyped name would otherwise be a setting that silently does nothing."""
    known = [variable(name) for name in Settings.model_fields]
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            raise WdbcError(
                f"unknown setting {name}" + (f"; did you mean {close[0]}?" if close else ""),
                where="the environment",
                mend="Remove it, or see .env.example for what can be set.",
            )


def _refusal(error: ValidationError) -> WdbcError:
    # The value itself is left out: a mistyped setting may hold a credential.
    lines = [f"{variable(str(fault['loc'][0]))}: {fault['msg']}" for fault in error.errors(include_input=False)]
    return WdbcError(
        "a setting is wrong: " + "; ".join(lines),
        mend="Correct it in the environment, .env, or the run's options.",
    )
