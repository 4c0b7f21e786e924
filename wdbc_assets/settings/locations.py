"""What others than this package look for in the environment: Dagster's home, what a service hands to its workers."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.settings import variables

INSTANCE_FILE = Path(__file__).resolve().parent.parent / "dagster.yaml"
"""The configuration of Dagster's instance, shipped with the package. In the project's folder Dagster would take it for
one that was put into the wrong place, and warn."""

_METRICS = "PROMETHEUS_MULTIPROC_DIR"
_ACCESS = "_WDBC_SERVICE_ACCESS"


def project_root() -> Path:
    """Return the checkout that this package lies in, or the current folder for an installed copy."""
    checkout = Path(__file__).resolve().parent.parent.parent
    return checkout if (checkout / "workspace.yaml").is_file() else Path.cwd()


def home() -> Path:
    """Return Dagster's home, the instance's: `DAGSTER_HOME` (also from `.env`), or `.dagster_home` in the project."""
    chosen = _chosen_home()
    return Path(chosen).expanduser().absolute() if chosen else project_root() / ".dagster_home"


def writable_folders() -> Iterator[tuple[str, Path]]:
    """Yield the folders besides the store that a command writes to, each after the variable that chooses it."""
    with contextlib.suppress(WdbcError):
        yield "DAGSTER_HOME", home()
    with contextlib.suppress(OSError):
        yield "TMPDIR", Path(tempfile.gettempdir())
    with contextlib.suppress(RuntimeError):
        yield "HOME", Path.home()


def ensure_home() -> Path:
    """Give Dagster a home and return it: `DAGSTER_HOME` (also from `.env`), or `.dagster_home` inside the project.

    Raises:
        WdbcError: the home cannot be made or written.
    """
    chosen = _chosen_home()
    folder = home()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)  # what Dagster keeps there may show values of patients
        configuration = folder / "dagster.yaml"
        moved = configuration.is_symlink() and not configuration.exists()  # Dagster's own defaults would hold
        if moved or not any(folder.iterdir()):  # a home that is in use keeps its own configuration
            if moved:
                configuration.unlink(missing_ok=True)
            with contextlib.suppress(FileExistsError):  # another run is making the same home
                configuration.symlink_to(INSTANCE_FILE if chosen else os.path.relpath(INSTANCE_FILE, folder))
        probe = folder / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise WdbcError(
            f"Dagster's home cannot be written: {error.strerror}",
            where=str(folder),
            hint="Set DAGSTER_HOME to a folder that you may write, or fix its permissions.",
        ) from None
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


def run_limit_seconds() -> float:
    """Return the longest time in seconds that a run may last: `run_monitoring` of the instance's dagster.yaml.

    The shipped dagster.yaml counts where the home has none, or states no limit.

    Raises:
        WdbcError: the file cannot be read, or states no such limit but something else.
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
        "the longest time that a run may last cannot be read",
        where=str(file),
        hint="State it in seconds: `max_runtime_seconds: 3600` below `run_monitoring:`.",
    )


def hand_over_metrics_folder(folder: Path) -> None:
    """Name the folder in which several workers count to them, and to prometheus_client."""
    os.environ[_METRICS] = str(folder)


def metrics_folder() -> Path | None:
    """Return where several workers count, and make that folder if it vanished; None for one that counts in memory.

    If it cannot be made, this process counts in memory, too: metrics are no reason to fail.
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
    """Hand the processes that this one starts whom the service answers."""
    os.environ[_ACCESS] = access


def service_access() -> str:
    """Return what was handed over; empty if nothing was."""
    return os.environ.get(_ACCESS, "")


def without_metrics() -> dict[str, str]:
    """Return this environment for a process that does not count among the service's workers."""
    return {name: value for name, value in os.environ.items() if name != _METRICS}


def _chosen_home() -> str:
    stated = variables.in_file().get("DAGSTER_HOME")
    return (os.environ.get("DAGSTER_HOME") or (stated.value if stated else "")).strip()
