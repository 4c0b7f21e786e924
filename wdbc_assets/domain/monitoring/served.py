"""Windows of the patients that the service has scored: one calendar week, or one day, in UTC.

Of a window only the sketch is kept, see `streams`. The sketches of several workers, and of several deliveries of the
same window, add up exactly. A sketch of few patients would say much about each of them, so none of fewer than
`LEAST_PATIENTS` leaves the memory of its worker.

This module imports numpy, so callers import it inside functions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from wdbc_assets.domain.monitoring.drift import BatchSketch
from wdbc_assets.domain.monitoring.streams import Sketch
from wdbc_assets.domain.monitoring.thresholds import Cadence

LEAST_PATIENTS = 30
"""The scan says nothing about a window of fewer either."""

_WEEK = "-W"


@dataclass(frozen=True)
class ServedWindow:
    """The sketch of the patients that the service scored in a window, made with one reference.

    Attributes:
        window: The week ("2026-W48") or the day ("2026-11-26").
        reference: The digest of the reference.
        recipe: The recipe whose out-of-fold predictions are in the reference.
        champions: The versions of the champion that scored the patients.
        sketch: What is kept of them.
    """

    window: str
    reference: str
    recipe: str
    champions: tuple[str, ...]
    sketch: Sketch

    def __post_init__(self) -> None:
        """Require the name of a window, and enough patients.

        Raises:
            ValueError: there is no such window, or it has fewer than `LEAST_PATIENTS`.
        """
        end(self.window)
        if self.sketch.rows < LEAST_PATIENTS:
            raise ValueError(f"a window has fewer than {LEAST_PATIENTS} patients")


@dataclass(frozen=True)
class ServedWindows:
    """All windows that have ended, oldest first.

    `taken` has the names of the files of the last take-up: a run that is killed before it removes them adds none twice.
    `damaged` has the names of those that could not be read.
    """

    windows: tuple[ServedWindow, ...] = ()
    taken: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()

    def with_deliveries(
        self, deliveries: Iterable[tuple[str, ServedWindow]], damaged: Iterable[str] = ()
    ) -> "ServedWindows":
        """Return these windows with those of files, by the name of the file, added up; note the damaged files."""
        known = {(window.window, window.reference): window for window in self.windows}
        taken = []
        for name, added in deliveries:
            taken.append(name)
            if name in self.taken:
                continue
            key = (added.window, added.reference)
            known[key] = _sum(known[key], added) if key in known else added
        order = sorted(known, key=lambda key: (end(key[0]), key[0]))  # stable: the later reference stays last
        return ServedWindows(tuple(known[key] for key in order), tuple(taken), tuple(damaged))

    def sketches(self, reference: str, cadence: Cadence) -> list[BatchSketch]:
        """Return the sketches of the windows of a cadence that were made with a reference, oldest first."""
        return [
            BatchSketch(window.window, window.sketch)
            for window in self.windows
            if window.reference == reference and cadence_of(window.window) == cadence
        ]


def name_of(moment: datetime, cadence: Cadence) -> str:
    """Return the name of the window that contains a moment, such as "2026-W48" or "2026-11-26"."""
    day = moment.astimezone(UTC).date()
    if cadence == "daily":
        return day.isoformat()
    year, week, _ = day.isocalendar()
    return f"{year:04}{_WEEK}{week:02}"


def end(window: str) -> datetime:
    """Return when a window ends.

    Raises:
        ValueError: no window has this name.
    """
    try:
        if cadence_of(window) == "daily":
            last = date.fromisoformat(window)
        else:
            year, week = window.split(_WEEK)
            last = date.fromisocalendar(int(year), int(week), 7)
    except ValueError:
        raise ValueError("this names no window") from None
    return datetime.combine(last, time(), UTC) + timedelta(days=1)


def cadence_of(window: str) -> Cadence:
    """Return the cadence of a window."""
    return "weekly" if _WEEK in window else "daily"


def recipes(windows: Sequence[ServedWindow]) -> list[str]:
    """Return the recipes of the windows, each once, that of the latest window first."""
    return list(dict.fromkeys(window.recipe for window in reversed(windows)))


def _sum(one: ServedWindow, other: ServedWindow) -> ServedWindow:
    champions = dict.fromkeys((*one.champions, *other.champions))
    return replace(one, champions=tuple(champions), sketch=one.sketch + other.sketch)
