"""The detectors: which function finds which causes, in the order in which `wdbc status --check` lists them.

A detector that fails says nothing: the alerts that it raised before stay open until it can look again.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from wdbc_assets import clock, machine, settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring.alerts import arrival_problems, guard_problems, history_problems, store_problems
from wdbc_assets.monitoring.alerts.causes import Occurrence
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    import dagster as dg

OpenHistory = Callable[[], AbstractContextManager["dg.DagsterInstance"]]
"""Opens Dagster's instance."""


@dataclass(frozen=True)
class Watched:
    """What detectors look at."""

    store: Store
    config: settings.Settings


@dataclass(frozen=True, kw_only=True)
class Detector:
    """One way to find problems.

    Attributes:
        find: Yields the occurrences that exist now.
        find_in_history: Does so with an open instance of Dagster. A detector has one of the two functions.
        in_status_check: Whether `wdbc status --check` reports what it finds.
    """

    find: Callable[[Watched], Iterator[Occurrence]] | None = None
    find_in_history: "Callable[[Watched, dg.DagsterInstance], Iterator[Occurrence]] | None" = None
    in_status_check: bool = False


DETECTORS: dict[str, Detector] = {
    "assets": Detector(find=lambda watched: store_problems.assets(watched.store), in_status_check=True),
    "production": Detector(find=lambda watched: store_problems.production(watched.store), in_status_check=True),
    "local_source": Detector(find=lambda watched: store_problems.local_source(watched.config), in_status_check=True),
    "patients": Detector(find=lambda watched: store_problems.patients(watched.store), in_status_check=True),
    "guard": Detector(
        find=lambda watched: guard_problems.occurrences(watched.store, watched.config), in_status_check=True
    ),
    "failed_checks": Detector(find=lambda watched: store_problems.failed_checks(watched.store)),
    "refused_promotion": Detector(find=lambda watched: store_problems.refused_promotion(watched.store)),
    "refits": Detector(find=lambda watched: store_problems.refits(watched.store)),
    "refused_champion": Detector(find=lambda _: arrival_problems.refused_champion(), in_status_check=True),
    "set_aside_rows": Detector(find=lambda watched: arrival_problems.set_aside_rows(watched.store)),
    "refused_files": Detector(find=lambda watched: arrival_problems.refused_files(watched.config)),
    "disk_space": Detector(find=lambda watched: store_problems.disk_space(watched.store, watched.config)),
    "failed_runs": Detector(
        find_in_history=lambda watched, instance: history_problems.failed_runs(watched.store, instance, watched.config),
        in_status_check=True,
    ),
    "daemon": Detector(
        find_in_history=lambda _, instance: history_problems.missing_daemon(instance), in_status_check=True
    ),
    "ticks": Detector(
        find_in_history=lambda _, instance: history_problems.failed_or_late_ticks(instance), in_status_check=True
    ),
    "second_daemon": Detector(
        find_in_history=lambda _, instance: history_problems.second_daemon(instance), in_status_check=True
    ),
    "remote_source": Detector(
        find_in_history=lambda watched, instance: history_problems.stale_remote_source(
            watched.store, instance, watched.config
        ),
        in_status_check=True,
    ),
    "overdue_assets": Detector(
        find_in_history=lambda watched, instance: history_problems.overdue_assets(watched.store, instance)
    ),
}
HISTORY = "history"
"""What stands in the place of a detector's name for a history that cannot be opened."""


STORE = "store"
"""What stands in the place of a detector's name for a store that is away. Then no detector looks into it."""


@dataclass(frozen=True)
class Detection:
    """What the detectors found.

    Attributes:
        began: When they began to look. A later look knows better.
        occurrences: By the name of each detector that did not fail.
    """

    began: datetime
    occurrences: dict[str, tuple[Occurrence, ...]]

    def __iter__(self) -> Iterator[Occurrence]:
        for occurrences in self.occurrences.values():
            yield from occurrences


def detect(watched: Watched, open_history: OpenHistory | None) -> Detection:
    """Run all detectors; without `open_history` only those that need no instance."""
    looks = _Looks()
    away = store_problems.away(watched.store, watched.config)
    looks.found[STORE] = away
    for name, detector in DETECTORS.items():
        if detector.find is not None and not away:
            looks.add(name, detector.find, watched)
    if open_history is not None:
        _look_into_history(watched, open_history, looks)
    return Detection(looks.began, looks.found)


def for_status_check(watched: Watched, open_history: OpenHistory) -> Iterator[Occurrence]:
    """Yield what `wdbc status --check` reports."""
    yield from store_problems.away(watched.store, watched.config)
    chosen = {name: detector for name, detector in DETECTORS.items() if detector.in_status_check}
    for name, detector in chosen.items():
        try:
            if detector.find is not None:
                yield from detector.find(watched)
        except WdbcError as error:  # what it reads is damaged
            yield Occurrence(cause="damaged-store", subject=name, text=store_problems.message(error))
    try:
        with open_history() as instance:
            for name, detector in chosen.items():
                try:
                    if detector.find_in_history is not None:
                        yield from detector.find_in_history(watched, instance)
                except WdbcError as error:
                    yield Occurrence(cause="damaged-store", subject=name, text=store_problems.message(error))
    except WdbcError as error:
        yield _unusable(error)


def opened(instance: "dg.DagsterInstance") -> OpenHistory:
    """Return the function that yields an instance that is already open."""
    return lambda: nullcontext(instance)


class _Looks:
    """What the detectors found so far."""

    def __init__(self) -> None:
        self.began = clock.now()
        self.found: dict[str, tuple[Occurrence, ...]] = {}

    def add(self, name: str, find: Callable[..., Iterator[Occurrence]], *arguments: object) -> None:
        """Run a detector. If what it reads cannot be read, another detector says so; a bug must not end the others."""
        try:
            self.found[name] = tuple(find(*arguments))
            self.found[_itself(name)] = ()
        except Exception as error:  # noqa: BLE001 -- see above; the text of a bug may quote a patient's value
            if machine.refusal(error) is None:
                text = f"unexpected {type(error).__name__}: this is a bug in wdbc"
                bug = Occurrence(cause="failed-detector", subject=name, text=text)
                self.found[_itself(name)] = (bug,)


def _itself(name: str) -> str:
    """Return what stands in the place of a detector's name for its own bugs."""
    return f"{name} itself"


def _look_into_history(watched: Watched, open_history: OpenHistory, looks: _Looks) -> None:
    try:
        with open_history() as instance:
            for name, detector in DETECTORS.items():
                if detector.find_in_history is not None:
                    looks.add(name, detector.find_in_history, watched, instance)
    except Exception as error:
        known = machine.refusal(error)
        if known is None:
            raise
        looks.found[HISTORY] = (_unusable(known),)
    else:
        looks.found[HISTORY] = ()


def _unusable(error: WdbcError) -> Occurrence:
    return Occurrence(cause="damaged-history", subject="Dagster's history", text=store_problems.message(error))
