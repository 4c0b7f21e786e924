"""How far the windows of the service are: which have ended and wait, and what is in those that go on."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wdbc_assets import clock
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import specs, staleness
from wdbc_assets.pipeline.served_files import ServedFiles
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    from wdbc_assets.domain.monitoring.served import ServedWindow

WINDOWS, REPORT, PREDICTIONS = "served_windows", "served_drift", "served_predictions"


def comparable(store: Store, files: ServedFiles) -> bool:
    """Return whether a window has ended, so that there is something to compare.

    Raises:
        WdbcError: the recorded windows cannot be read.
    """
    if store.current(WINDOWS) is not None and store.handle(WINDOWS).load().windows:
        return True
    return any(_windows(files, files.ended_windows(clock.now())))


def assets_to_take_up(store: Store, files: ServedFiles) -> tuple[str, ...]:
    """Return the assets of the job `served` that can be made now: without a comparison if there is nothing to compare.

    Raises:
        WdbcError: the recorded windows cannot be read.
    """
    compared = comparable(store, files) and missing_input(store) is None
    return specs.JOBS["served"] if compared else (WINDOWS, PREDICTIONS)


def missing_input(store: Store) -> WdbcError | None:
    """Return why no window can be compared now: an asset that this needs was never made, or is damaged."""
    return staleness.missing_input(store, (WINDOWS, REPORT))


def in_progress(files: ServedFiles) -> Mapping[str, int]:
    """Return the windows that wait or go on, and how many of their patients are on the disk."""
    patients: Counter[str] = Counter()
    for window in _windows(files, files.all_windows()):
        patients[window.window] += window.sketch.rows
    return dict(sorted(patients.items()))


def _windows(files: ServedFiles, paths: list[Path]) -> "Iterator[ServedWindow]":
    from wdbc_assets.domain.monitoring.served import ServedWindow

    for path in paths:
        try:
            yield files.read(ServedWindow, path)
        except (WdbcError, FileNotFoundError):  # the take-up names a damaged one
            continue
