"""What a user can set: environment variables, the `.env` file, and the parameters of each asset.

Each setting is stated once, here, with its default and its bounds. The environment variable is `WDBC_` and the
name in capitals (`WDBC_TEST_SIZE`). A run's configuration in Dagster and the options of `wdbc run` win over it. Nothing
else in the package reads the environment, but for two folders at the end of this file: the home of Dagster's instance,
and where the service counts.
"""

import contextlib
import difflib
import getpass
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from dotenv import dotenv_values
from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from wdbc_assets.domain import floors, recipes
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.sources import limits as bounds

PREFIX = "WDBC_"
ENV_FILE = ".env"


class SourceParameters(BaseModel):
    """Where `raw_data` comes from."""

    source: str = Field("bundled", description="bundled, uci, a path, or an http(s) or fsspec URL")
    source_sha256: str | None = Field(None, description="refuse any source whose SHA-256 is another")


class SplitParameters(BaseModel):
    """How `train_test_split` parts the rows."""

    test_size: float = Field(0.2, gt=0, lt=1, description="share of the rows kept for testing")
    split_seed: int = Field(42, ge=0, lt=2**32, description="seed of the shuffle before the split")
    stratified: bool = Field(default=True, description="keep the share of malignant rows equal in both parts")


class SearchParameters(BaseModel):
    """How `fitted_pipeline` is chosen and fitted."""

    recipe: str = Field(recipes.DEFAULT, description=f"one of {', '.join(recipes.RECIPES)}")
    grid: str = Field("full", description="full: every candidate of the recipe; small: one")
    folds: int = Field(5, ge=2, le=20, description="number of stratified cross-validation folds")
    search_seed: int = Field(42, ge=0, lt=2**32, description="seed of the solvers that draw random numbers")

    @field_validator("recipe")
    @classmethod
    def _known_recipe(cls, name: str) -> str:
        if name not in recipes.RECIPES:
            raise ValueError(f"unknown recipe; possible: {', '.join(recipes.RECIPES)}")
        return name

    @field_validator("grid")
    @classmethod
    def _known_grid(cls, name: str) -> str:
        if name not in recipes.GRIDS:
            raise ValueError(f"unknown grid; possible: {', '.join(recipes.GRIDS)}")
        return name


class MetricsParameters(BaseModel):
    """How `metrics` states its uncertainty."""

    bootstrap: int = Field(2000, ge=100, le=100_000, description="resamples behind each bootstrap interval")
    bootstrap_seed: int = Field(42, ge=0, lt=2**32, description="seed of the bootstrap")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="coverage of every interval")


class EvaluationParameters(BaseModel):
    """How `cross_validation` judges recipes."""

    protocol: str = Field("quick", description="quick: 3 repeats of 10 folds; full: 10 repeats")
    evaluated_recipes: str = Field(
        f"{floors.RECIPE},{recipes.BASELINE}", description="recipes to judge on the same folds, with commas between"
    )

    @field_validator("protocol")
    @classmethod
    def _known_protocol(cls, name: str) -> str:
        if name not in recipes.PROTOCOLS:
            raise ValueError(f"unknown protocol; possible: {', '.join(recipes.PROTOCOLS)}")
        return name

    @field_validator("evaluated_recipes")
    @classmethod
    def _known_recipes(cls, names: str) -> str:
        """Put them into one order, with those that every evaluation includes: the same choice is the same text."""
        chosen = {name.strip() for name in names.split(",") if name.strip()} | {floors.RECIPE, recipes.BASELINE}
        if unknown := sorted(chosen - set(recipes.RECIPES)):
            raise ValueError(f"unknown recipe {', '.join(unknown)}; possible: {', '.join(recipes.RECIPES)}")
        return ",".join(name for name in recipes.RECIPES if name in chosen)


class PolicyParameters(BaseModel):
    """How `decision_policy` draws its threshold and its referral band."""

    recall_target: float = Field(0.98, gt=0, le=1, description="share of the malignant that the threshold is to find")
    referral_alpha: float = Field(
        0.02, gt=0, lt=0.5, description="share of each class whose set of possible classes may miss the true one"
    )
    policy_folds: int = Field(10, ge=2, le=20, description="folds of the out-of-fold probabilities of the policy")
    policy_seed: int = Field(42, ge=0, lt=2**32, description="seed of the shuffle before those folds")


class ImportanceParameters(BaseModel):
    """How `importance` permutes the measurements."""

    importance_repeats: int = Field(30, ge=2, le=1000, description="permutations of each of the ten measurements")
    importance_seed: int = Field(42, ge=0, lt=2**32, description="seed of the permutations")


class Effort(BaseModel):
    """What a computation may use. No part of any passport: it does not change a value."""

    workers: int | None = Field(None, ge=1, le=256, description="processes of an evaluation; unset: one per processor")

    def processes(self) -> int:
        """Return how many processes may work at once."""
        return self.workers or len(os.sched_getaffinity(0))


class Patience(BaseModel):
    """The limits of every fetch. No part of any passport: patience does not change the bytes."""

    connect_seconds: float = Field(bounds.DEFAULT.connect_seconds, gt=0, le=600, description="wait for a connection")
    read_seconds: float = Field(bounds.DEFAULT.read_seconds, gt=0, le=600, description="longest silence of a server")
    total_seconds: float = Field(bounds.DEFAULT.total_seconds, gt=0, le=3600, description="all tries together")
    tries: int = Field(bounds.DEFAULT.tries, ge=1, le=20, description="tries for what time can mend")
    largest_bytes: int = Field(bounds.DEFAULT.largest_bytes, ge=1, description="largest source, after decompression")

    def limits(self) -> bounds.Limits:
        """Return the limits of a fetch as they are set."""
        return bounds.Limits(**{name: getattr(self, name) for name in Patience.model_fields})


class Privacy(BaseModel):
    """What may be shown of patients. No part of any passport: it does not change a value."""

    show_values: bool = Field(
        default=False,
        description="show patients' values in failing rows and previews: in the UI, the event log and at the terminal",
    )


class Serving(BaseModel):
    """How the prediction service answers, and what it takes. No part of any passport."""

    serve_host: str = Field("127.0.0.1", min_length=1, description="address that the service listens on")
    serve_port: int = Field(8000, ge=1, le=65535, description="port that the service listens on")
    serve_workers: int = Field(1, ge=1, le=64, description="processes of the service")
    serve_keys: str = Field("keys.json", min_length=1, description="file of the service's keys (hashed)")
    serve_insecure_no_key: bool = Field(
        default=False, description="without any key, let everybody in who reaches the address, also from elsewhere"
    )
    serve_breaches: str = Field(
        "refuse", description="measurements that break the contract: refuse (422), or flag (answered, rules named)"
    )
    serve_largest_bytes: int = Field(2 * 2**20, ge=1024, le=2**30, description="largest body of a request")
    serve_largest_rows: int = Field(1000, ge=1, le=100_000, description="most patients of a request")
    serve_requests_per_minute: int = Field(6000, ge=1, description="requests of one key to one worker in a minute")
    serve_seconds: float = Field(10.0, gt=0, le=600, description="longest that a request, or its upload, may take")
    serve_concurrent: int = Field(64, ge=1, le=10_000, description="requests that one worker works on at once")
    serve_challenger_seconds: float = Field(
        10.0, gt=0, le=600, description="longest that a challenger on trial may take for what it is given"
    )
    serve_refresh_seconds: float = Field(1.0, ge=0.05, le=600, description="how often champion and keys are looked at")

    @field_validator("serve_breaches")
    @classmethod
    def _known_way(cls, name: str) -> str:
        if name not in ("refuse", "flag"):
            raise ValueError("unknown way; possible: refuse, flag")
        return name


class Identity(BaseModel):
    """Who acts. No part of any passport: a value is the same, whoever makes it."""

    actor: str | None = Field(
        None,
        pattern=r"^[^\x00-\x1f\x7f]{1,64}$",
        description="who is named in the history of promotions; unset: the operating system's user",
    )

    def acting_as(self) -> str:
        """Return who is named: as set, or the user's name without the machine's."""
        if self.actor:
            return self.actor
        try:
            return getpass.getuser()
        except (OSError, KeyError):
            return "unknown"


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


def project_root() -> Path:
    """Return the checkout that this package lies in, or the current folder for an installed copy."""
    checkout = Path(__file__).resolve().parent.parent
    return checkout if (checkout / "workspace.yaml").is_file() else Path.cwd()


def ensure_home() -> Path:
    """Give Dagster a home and return it: `DAGSTER_HOME` (also from `.env`), or `.dagster_home` inside the project.

    Raises:
        WdbcError: the home cannot be made or written.
    """
    chosen = (os.environ.get("DAGSTER_HOME") or dotenv_values(ENV_FILE).get("DAGSTER_HOME") or "").strip()
    home = Path(chosen).expanduser().absolute() if chosen else project_root() / ".dagster_home"
    try:
        home.mkdir(parents=True, exist_ok=True)
        shipped = project_root() / "dagster.yaml"
        if shipped.is_file() and not any(home.iterdir()):  # a home that is in use keeps its own configuration
            with contextlib.suppress(FileExistsError):  # another run is making the same home
                (home / "dagster.yaml").symlink_to(shipped if chosen else Path("..") / "dagster.yaml")
        probe = home / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise WdbcError(
            f"Dagster's home cannot be written: {error.strerror}",
            where=str(home),
            mend="Set DAGSTER_HOME to a folder that you may write, or mend its permissions.",
        ) from None
    os.environ["DAGSTER_HOME"] = str(home)
    return home


_METRICS = "PROMETHEUS_MULTIPROC_DIR"


def metrics_folder() -> Path:
    """Return where the service's workers count: `wdbc serve` makes that folder and names it to prometheus_client."""
    return Path(os.environ[_METRICS])


def without_metrics() -> dict[str, str]:
    """Return this environment for a process that does not count among the service's workers."""
    return {name: value for name, value in os.environ.items() if name != _METRICS}
