"""The temporary folder for the metrics of several workers. It exists as long as their supervisor runs.

It is created in the home of the instance, which, unlike /tmp, no cleanup job empties. The folder of a killed service
is removed when the next one starts.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError

_PREFIX = "wdbc-serve-"


@contextlib.contextmanager
def temporary() -> Iterator[None]:
    """Create the folder and pass it on to the workers; remove it at the end."""
    try:
        home = settings.ensure_home()
    except WdbcError:  # only the metrics need it, so a read-only home must not stop the service
        home = Path(tempfile.gettempdir())
    _sweep(home)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=home))
    settings.hand_over_metrics_folder(folder)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(home: Path) -> None:
    for folder in home.glob(f"{_PREFIX}*-*"):
        process = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if process.isdigit() and not _is_running(int(process)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
