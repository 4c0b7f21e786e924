"""The folder in which several workers count, for as long as their parent lives.

It lies in the instance's home, where nothing cleans up behind the service's back. What a service that was killed left
there is removed by the next one.
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
def held() -> Iterator[None]:
    """Make the folder and hand it to the workers; remove it at the end."""
    try:
        home = settings.ensure_home()
    except WdbcError:  # nobody but the metrics needs it here
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
        if process.isdigit() and not _lives(int(process)):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
