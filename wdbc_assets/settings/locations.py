"""Environment variables that other programs define or read: Dagster's home, and what processes pass to others."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from wdbc_assets import user_paths
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.settings import variables

INSTANCE_FILE = Path(__file__).resolve().parent.parent / "dagster.yaml"
"""The configuration of Dagster's instance, shipped with the package. It is not in the project's folder, because
Dagster would warn about a misplaced file there."""

WORKSPACE_FILE = INSTANCE_FILE.with_name("workspace.yaml")
"""Where Dagster finds the definitions. The project's folder has a link to it."""

_HISTORY = "history"
"""The folder that Dagster creates in a home that is used for the first time."""

_METRICS = "PROMETHEUS_MULTIPROC_DIR"
_ACCESS = "_WDBC_SERVICE_ACCESS"
_CLOCK = "_WDBC_CLOCK"


def project_root() -> Path:
    """Return the checkout that contains this package, or the current folder for an installed copy."""
    checkout = Path(__file__).resolve().parent.parent.parent
    return checkout if (checkout / "workspace.yaml").is_file() else Path.cwd()


def home() -> Path:
    """Return Dagster's home: `DAGSTER_HOME` (also from `.env`), or `.dagster_home` in the project."""
    chosen = _chosen_home()
    if chosen:
        return user_paths.located(chosen, relative_to=Path.cwd(), name="DAGSTER_HOME")
    return project_root() / ".dagster_home"


def writable_folders() -> Iterator[tuple[str, Path]]:
    """Yield the folders besides the store that a command writes to, each with the variable that configures it."""
    with contextlib.suppress(WdbcError):
        yield "DAGSTER_HOME", home()
    with contextlib.suppress(OSError):
        yield "TMPDIR", Path(tempfile.gettempdir())
    with contextlib.suppress(RuntimeError):
        yield "HOME", Path.home()


def ensure_home() -> Path:
    """Create Dagster's home and return it: `DAGSTER_HOME` (also from `.env`), or `.dagster_home` in the project.

    Raises:
        WdbcError: the home cannot be created or written.
    """
    chosen = _chosen_home()
    folder = home()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)  # Dagster's event log may contain patients' values
        configuration = folder / "dagster.yaml"
        moved = configuration.is_symlink() and not configuration.exists()  # Dagster would use its own defaults
        if moved or not (folder / _HISTORY).exists():  # a home that is in use keeps its configuration
            if moved:
                configuration.unlink(missing_ok=True)
            with contextlib.suppress(FileExistsError):  # another run is creating the same home
                configuration.symlink_to(INSTANCE_FILE if chosen else os.path.relpath(INSTANCE_FILE, folder))
        probe = folder / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise WdbcError(
            f"Dagster's home cannot be written: {error.strerror}",
            where=str(folder),
            hint="Set DAGSTER_HOME to a writable folder, or fix the folder's permissions.",
        ) from None
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


def run_limit_seconds() -> float:
    """Return the maximum duration of a run in seconds: `run_monitoring` in the instance's dagster.yaml.

    The shipped dagster.yaml applies if the home has none, or if it sets no limit.

    Raises:
        WdbcError: the file cannot be read, or the limit is not a positive number.
    """
    for file in (home() / "dagster.yaml", INSTANCE_FILE):
        if (limit := _run_limit(file)) is not None:
            return limit
    raise AssertionError(INSTANCE_FILE)


def _run_limit(file: Path) -> float | None:
    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        limit = ((content or {}).get("run_monitoring") or {}).get("max_runtime_seconds")
        if limit is None or 0 < float(limit) < float("inf"):
            return limit and float(limit)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError, TypeError, yaml.YAMLError):
        pass
    raise WdbcError(
        "the run limit cannot be read",
        where=str(file),
        hint="Set it in seconds: `max_runtime_seconds: 3600` below `run_monitoring:`.",
    )


def hand_over_metrics_folder(folder: Path) -> None:
    """Pass the folder of the shared metrics to the workers and to prometheus_client."""
    os.environ[_METRICS] = str(folder)


def metrics_folder() -> Path | None:
    """Return the folder of the workers' shared metrics, created if missing; None for a process that counts in memory.

    If the folder cannot be created, this process counts in memory, too: metrics must not stop the service.
    """
    if not (name := os.environ.get(_METRICS)):
        return None
    try:
        Path(name).mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        del os.environ[_METRICS]
        return None
    return Path(name)


def hand_over_access(access: str) -> None:
    """Pass the service's access mode to the processes that this one starts."""
    os.environ[_ACCESS] = access


def service_access() -> str:
    """Return the access mode that was passed to this process, or an empty string."""
    return os.environ.get(_ACCESS, "")


def hand_over_clock(file: Path) -> None:
    """Pass the file with the time of a rehearsal to the processes that this one starts."""
    os.environ[_CLOCK] = str(file)


def clock_file() -> Path | None:
    """Return the file with the time of the rehearsal that this process takes part in, or None outside of one."""
    name = os.environ.get(_CLOCK)
    return Path(name) if name else None


def use_only(folder: Path, stated: Mapping[str, str]) -> None:
    """Work in a folder with these variables, and with none of the project's that were stated anywhere else.

    They are written to `.env` in the folder, so that a command in the folder uses them, too.
    """
    for name in [name for name in os.environ if name.startswith(variables.PREFIX) or name == "DAGSTER_HOME"]:
        del os.environ[name]
    content = "".join(f"{name}='{value}'\n" for name, value in stated.items())
    path = folder / variables.ENV_FILE
    path.touch(mode=0o600)
    path.write_text(content, encoding="utf-8")
    os.chdir(folder)


def without_metrics() -> dict[str, str]:
    """Return this environment for a process whose metrics are not part of the service's."""
    return {name: value for name, value in os.environ.items() if name != _METRICS}


def _chosen_home() -> str:
    stated = variables.in_file().get("DAGSTER_HOME")
    return (os.environ.get("DAGSTER_HOME") or (stated.value if stated else "")).strip()
