"""Sketches of the patients that a worker scores: sums over the patients of a window, see `domain.monitoring.streams`.

A request only puts its measurements into a bounded queue. A second later, or as soon as there are many, they are added
to the sums together, and forgotten: one sketch of many patients costs a fraction of many sketches of few. The
sums of a window reach the disk once they are of `served.LEAST_PATIENTS` or more; until then they stay in memory, and
those of a window that ends with fewer count in the next one.
"""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

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

_MANY = 8192  # patients: more at a time cost hardly less each
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
    """The sketch of a window so far, with one reference: what is on the disk, and what is not yet."""

    recipe: str
    champions: dict[str, None] = field(default_factory=dict)
    written: Sketch = EMPTY
    fresh: Sketch = EMPTY


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
        self._lock = threading.Lock()
        self._waiting: list[_Scored] = []
        self._size = 0
        self._references: dict[str, Reference | None] = {}
        self._key = self._failed_key = ""
        self._failure: Exception | None = None
        self._look_at = self._retry_at = 0.0
        self._reason = ""
        self._window = ""
        self._sums: dict[str, _Sums] = {}

    # The queue

    def offer(self, loaded: LoadedModel, X: "Array", p: "Array", broken: Sequence[list[str]]) -> bool:
        """Queue the patients of a request, except those that violate the contract. Takes microseconds.

        Returns:
            Whether now so many patients wait that `drain` should be called: true once until it was.
        """
        if any(broken):
            valid = [not rules for rules in broken]
            X, p = X[valid], p[valid]
        with self._lock:
            before = self._size
            fits = before + len(X) <= _MAX_QUEUED
            if fits:
                self._size += len(X)
                self._waiting.append(_Scored(loaded.served.recipe, loaded.served.version, X, p))
        if not fits:
            _count(DROPPED, len(X))
        return fits and before < _MANY <= before + len(X)

    def drain(self, now: datetime) -> None:
        """Add the queued patients to the sums of the window that contains this moment."""
        self._enter_window(now)
        references = self._references
        ready: dict[tuple[str, str], list[_Scored]] = {}
        with self._lock:
            waiting, self._waiting = self._waiting, []
            for scored in waiting:
                if scored.recipe in references:
                    ready.setdefault((scored.recipe, scored.version), []).append(scored)
                    self._size -= len(scored.X)
                else:  # its reference is being built
                    self._waiting.append(scored)
        for (recipe, version), together in ready.items():
            self._add(references[recipe], recipe, version, together)

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
        sums = self._sums.setdefault(reference.digest, _Sums(recipe))
        sums.champions[version] = None
        sums.fresh += added
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
                self._references, self._key = {recipe: None}, ""
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
        self._references, self._key, self._reason = {recipe: reference}, key, ""

    # The sums

    def flush(self) -> None:
        """Write the sums that are of enough patients and have changed.

        Raises:
            OSError: they cannot be written. They stay in memory.
        """
        for digest, sums in self._sums.items():
            total = sums.written + sums.fresh
            if sums.fresh.rows and total.rows >= served.LEAST_PATIENTS:
                window = served.ServedWindow(self._window, digest, sums.recipe, tuple(sums.champions), total)
                self._files.put_window(window, f"{self._worker}_{digest[:12]}")
                sums.written, sums.fresh = total, EMPTY

    def _enter_window(self, now: datetime) -> None:
        """End the current window if it is over. A clock that was set back starts no earlier window again."""
        window = served.name_of(now, self._cadence)
        if self._window and served.end(window) <= served.end(self._window):
            return
        if self._window and now <= served.end(self._window) + GRACE / 2:
            try:
                self.flush()
            except OSError as error:
                logger.error("the window %s cannot be written: %s", self._window, error.strerror)  # noqa: TRY400 -- an expected error
        # What is not on the disk by now counts in the next window: the file may have been taken up.
        self._sums = {
            digest: _Sums(sums.recipe, dict(sums.champions), fresh=sums.fresh)
            for digest, sums in self._sums.items()
            if sums.fresh.rows
        }
        self._window = window


def _count(outcome: str, patients: int) -> None:
    telemetry.SKETCHES.labels(outcome).inc(patients)
