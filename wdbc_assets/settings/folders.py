"""Where things lie that others than this package look for in the environment: Dagster's home, the service's figures."""

import contextlib
import os
from pathlib import Path

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.settings import variables

_METRICS = "PROMETHEUS_MULTIPROC_DIR"


def project_root() -> Path:
    """Return the checkout that this package lies in, or the current folder for an installed copy."""
    checkout = Path(__file__).resolve().parent.parent.parent
    return checkout if (checkout / "workspace.yaml").is_file() else Path.cwd()


def ensure_home() -> Path:
    """Give Dagster a home and return it: `DAGSTER_HOME` (also from `.env`), or `.dagster_home` inside the project.

    Raises:
        WdbcError: the home cannot be made or written.
    """
    stated = variables.in_file().get("DAGSTER_HOME")
    chosen = (os.environ.get("DAGSTER_HOME") or (stated.value if stated else "")).strip()
    home = Path(chosen).expanduser().absolute() if chosen else project_root() / ".dagster_home"
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        home.mkdir(mode=0o700, exist_ok=True)  # what Dagster keeps there may show values of patients
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


def metrics_folder() -> Path:
    """Return where the service's workers count: `wdbc serve` makes that folder and names it to prometheus_client."""
    return Path(os.environ[_METRICS])


def without_metrics() -> dict[str, str]:
    """Return this environment for a process that does not count among the service's workers."""
    return {name: value for name, value in os.environ.items() if name != _METRICS}
