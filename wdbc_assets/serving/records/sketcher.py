"""Sketches of the patients that a worker scores: sums over the patients of a window, see `domain.monitoring.streams`.

A request only puts its measurements into a bounded queue. A second later, or as soon as there are many, they are added
to the sums together, and forgotten: one sketch of many patients costs a fraction of many sketches of few. The
sums of a window reach the disk once they are of `served.LEAST_PATIENTS` or more; until then they stay in memory, and
those of a window that ends with fewer count in the next one.

The sums belong to the event loop: beside it, a thread would spend many times as long, waiting for the interpreter's
lock between the many short steps of a sketch. Only `look` and `put`, which may wait for a store or a disk, run in
threads.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets import clock
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import log_odds
from wdbc_assets.domain.monitoring import served, streams
from wdbc_assets.domain.monitoring.streams import EMPTY, Reference, Sketch
from wdbc_assets.domain.monitoring.thresholds import Cadence
from wdbc_assets.pipeline import served_reference
from wdbc_assets.pipeline.served_files import GRACE, ServedFiles
from wdbc_assets.serving import telemetry
from wdbc_assets.serving.models.champion import ChampionLoader, LoadedModel
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

SKETCHED, DROPPED, WITHOUT_REFERENCE, FAILED = "sketched", "dropped", "without_reference", "failed"

_MANY, _MANY_OF_LARGE = 4096, 1024  # patients, which take 5 to 20 ms; more at a time cost hardly less each
_LARGE_REFERENCE = 10_000  # patients, from which on each one takes longer
_MAX_QUEUED = 20_000  # patients; about five megabytes
_LOOK_SECONDS = 30.0  # between looks for another reference
_RETRY_SECONDS = 600.0  # after a reference could not be built

logger = logging.getLogger("wdbc_assets.serving")


@dataclass(frozen=True, eq=False, slots=True)
class _Scored:
    """The patients of a request: the champion's recipe and version, measurements and probabilities."""

    recipe: str
    version: str
    X: "Array"
    p: "Array"


@dataclass
class _Sums:
    """The sketch of a window so far, with one reference, and the part of it that is on the disk."""

    recipe: str
    champions: dict[str, None] = field(default_factory=dict)
    total: Sketch = EMPTY
    written: Sketch = EMPTY

    @property
    def unwritten(self) -> Sketch:
        """What is not on the disk."""
        return self.total - self.written


class Sketcher:
    """The queue, the reference and the sums of one worker, whose files are named after `worker`."""

    def __init__(
        self, store: Store, champion: ChampionLoader, files: ServedFiles, *, worker: str, cadence: Cadence
    ) -> None:
        self._store = store
        self._champion = champion
        self._files = files
        self._worker = worker
        self._cadence: Cadence = cadence
        self._waiting: list[_Scored] = []
        self._size = 0
        self._references: dict[str, Reference | None] = {}  # of the last two recipes: requests may still use the first
        self._key = self._failed_key = ""
        self._failure: Exception | None = None
        self._look_at = self._retry_at = 0.0
        self._many = _MANY
        self._reason = ""
        self._window = ""
        self._sums: dict[tuple[str, str], _Sums] = {}  # by window and digest of the reference

    # The queue

    def offer(self, loaded: LoadedModel, X: "Array", p: "Array", broken: Sequence[list[str]]) -> None:
        """Queue the patients of a request, except those that violate the contract; add them up if many wait."""
        if any(broken):
            valid = [not rules for rules in broken]
            X, p = X[valid], p[valid]
        before, after = self._size, self._size + len(X)
        if after > _MAX_QUEUED:  # a reference is being built
            _count(DROPPED, len(X))
            return
        self._size = after
        self._waiting.append(_Scored(loaded.served.recipe, loaded.served.version, X, p))
        if before < self._many <= after:
            self.add_up(clock.now())

    def add_up(self, now: datetime) -> None:
        """Add the queued patients to the sums of the window that contains this moment."""
        window = served.name_of(now, self._cadence)
        if not self._window or served.end(window) > served.end(self._window):  # the clock may have been set back
            self._window = window
        references, loaded = self._references, self._champion.loaded
        ready: dict[tuple[str, str], list[_Scored]] = {}
        waiting, self._waiting = self._waiting, []
        for scored in waiting:
            if loaded is not None and scored.recipe == loaded.served.recipe and scored.recipe not in references:
                self._waiting.append(scored)  # its reference is being built
            else:
                ready.setdefault((scored.recipe, scored.version), []).append(scored)
                self._size -= len(scored.X)
        for (recipe, version), together in ready.items():
            self._add(references.get(recipe), recipe, version, together)

    def _add(self, reference: Reference | None, recipe: str, version: str, together: Sequence[_Scored]) -> None:
        patients = sum(len(scored.X) for scored in together)
        if reference is None:
            _count(WITHOUT_REFERENCE, patients)
            return
        try:
            X = np.concatenate([scored.X for scored in together])
            p = np.concatenate([scored.p for scored in together])
            added = streams.sketch(reference, X, log_odds.of_probabilities(p))
        except Exception as error:  # noqa: BLE001 -- a bug must not end the sketches; its text may quote a value
            logger.error("%d patients could not be sketched: %s", patients, type(error).__name__)  # noqa: TRY400 -- likewise
            _count(FAILED, patients)
            return
        sums = self._sums.setdefault((self._window, reference.digest), _Sums(recipe))
        sums.champions[version] = None
        sums.total += added
        _count(SKETCHED, patients)

    # The reference

    def look(self) -> None:
        """Load the reference of the champion's recipe if there is another one. Never raises."""
        loaded = self._champion.loaded
        if loaded is None or (loaded.served.recipe in self._references and time.monotonic() < self._look_at):
            return
        recipe = loaded.served.recipe
        self._look_at = time.monotonic() + _LOOK_SECONDS
        try:
            self._load(recipe)
        except Exception as error:  # noqa: BLE001 -- whatever the store or the process raises, serving goes on
            reason = error.what if isinstance(error, WdbcError) else type(error).__name__
            if reason != self._reason:
                logger.error("the drift of the patients is not watched: %s", reason)  # noqa: TRY400 -- an expected error
            self._reason = reason
            if recipe not in self._references:  # an earlier reference of the recipe is better than none
                self._keep(recipe, None)
                self._key = ""
        telemetry.DRIFT_WATCHED.set(self._references[recipe] is not None)

    def _load(self, recipe: str) -> None:
        key = served_reference.key(self._store, recipe)
        if key == self._key:
            return
        if self._failure is not None and self._failed_key == key and time.monotonic() < self._retry_at:
            raise self._failure
        try:
            reference = served_reference.load(key, recipe)
        except Exception as error:
            self._failed_key, self._failure = key, error
            self._retry_at = time.monotonic() + _RETRY_SECONDS  # building takes seconds of CPU time
            raise
        _ = reference.digest  # computed here, not in the event loop
        self._keep(recipe, reference)
        self._key, self._reason = key, ""

    def _keep(self, recipe: str, reference: Reference | None) -> None:
        large = reference is not None and reference.rows > _LARGE_REFERENCE
        self._many = _MANY_OF_LARGE if large else _MANY
        others = [(name, known) for name, known in self._references.items() if name != recipe]
        self._references = dict([*others[-1:], (recipe, reference)])

    # The sums

    def unwritten(self, now: datetime) -> list[served.ServedWindow]:
        """Return the sketches that have changed since they were written, and are of enough patients.

        What cannot be written any more, because its window is over, counts in the current window from now on. No
        `put` may be running.
        """
        for window, digest in list(self._sums):
            if window != self._window:
                self._leave(window, digest, now)
        return [
            served.ServedWindow(window, digest, sums.recipe, tuple(sums.champions), sums.total)
            for (window, digest), sums in self._sums.items()
            if sums.unwritten.rows and sums.total.rows >= served.LEAST_PATIENTS
        ]

    def _leave(self, window: str, digest: str, now: datetime) -> None:
        """Forget the sums of a window that is over, unless they can still be written."""
        sums = self._sums[window, digest]
        in_time = now <= served.end(window) + GRACE / 2  # later, the file may have been taken up
        if sums.unwritten.rows and in_time and sums.total.rows >= served.LEAST_PATIENTS:
            return
        del self._sums[window, digest]
        if sums.unwritten.rows:
            current = self._sums.setdefault((self._window, digest), _Sums(sums.recipe))
            current.champions |= sums.champions
            current.total += sums.unwritten

    def put(self, window: served.ServedWindow) -> None:
        """Write a sketch that `unwritten` has returned.

        Raises:
            OSError: it cannot be written. `unwritten` will return it again.
        """
        self._files.put_window(window, f"{self._worker}_{window.reference[:12]}")
        self._sums[window.window, window.reference].written = window.sketch


def _count(outcome: str, patients: int) -> None:
    telemetry.SKETCHES.labels(outcome).inc(patients)
