"""The recorder of one worker: passes what happens to the sketcher and the keeper, and has them write now and then."""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from wdbc_assets import clock, machine, settings
from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.monitoring.served import ServedWindow
from wdbc_assets.pipeline import pseudonym_key, served_files
from wdbc_assets.pipeline.served_files import RefusedChampion
from wdbc_assets.serving import background, telemetry
from wdbc_assets.serving.api import schemas
from wdbc_assets.serving.models.champion import ChampionLoader, LoadedModel
from wdbc_assets.serving.records.keeper import Keeper
from wdbc_assets.serving.records.sketcher import Sketcher
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_ADD_SECONDS = 1.0
_LOOK_SECONDS = 1.0
_WRITE_SECONDS = 60.0  # what a worker that is killed loses
_END_SECONDS = 3.0

logger = logging.getLogger("wdbc_assets.serving")


class Recorder:
    """What one worker leaves for monitoring, as configured."""

    def __init__(self, store: Store, champion: ChampionLoader, options: settings.Settings) -> None:
        self._champion = champion
        self._files = served_files.open_files()
        self._worker = secrets.token_hex(6)
        self._sketcher = (
            Sketcher(store, champion, self._files, worker=self._worker, cadence=options.drift_cadence)
            if options.serve_sketches
            else None
        )
        self._keeper = (
            Keeper(self._files, pseudonym_key.configured(options), worker=self._worker)
            if options.serve_keep_predictions
            else None
        )
        self._write_at = time.monotonic() + _WRITE_SECONDS
        self._writing = asyncio.Lock()
        self._refused: tuple[str, str] | None = None
        self._problem = ""

    def scored(self, loaded: LoadedModel, X: "Array", p: "Array", broken: Sequence[list[str]]) -> None:
        """Note the patients of a request, with the champion's probabilities."""
        if self._sketcher is not None:
            self._sketcher.offer(loaded, X, p, broken)

    def answered(self, request_id: str, answer: schemas.Predictions) -> None:
        """Note a response."""
        if self._keeper is not None:
            self._keeper.offer(request_id, answer)

    async def work(self) -> None:
        """Add up and write forever."""
        with contextlib.suppress(WdbcError):  # it is not writable, which the first write finds
            settings.ensure_home()
        while True:
            self._add_up()
            refused = self._champion.refused
            if not self._writing.locked() and (time.monotonic() >= self._write_at or refused != self._refused):
                self._write_at = time.monotonic() + _WRITE_SECONDS
                self._write_task = asyncio.create_task(self._write(refused))  # not awaited: a disk may hang
            await asyncio.sleep(_ADD_SECONDS)

    async def watch_reference(self) -> None:
        """Look for another reference forever."""
        if self._sketcher is not None:
            await background.repeat(self._sketcher.look, _LOOK_SECONDS)

    async def finish(self) -> None:
        """Write what there is, within a bounded time."""
        self._add_up()
        await asyncio.wait([asyncio.create_task(self._write(None))], timeout=_END_SECONDS)

    def _add_up(self) -> None:
        if self._sketcher is not None:
            self._sketcher.add_up(clock.now())

    async def _write(self, refused: tuple[str, str] | None) -> None:
        """Write everything. What cannot be written stays in memory until the next time."""
        async with self._writing:
            self._refused = refused
            now = clock.now()
            report = RefusedChampion(formatting.short(refused[0]), refused[1], now.isoformat()) if refused else None
            windows = self._sketcher.unwritten(now) if self._sketcher is not None else []
            with contextlib.suppress(RuntimeError):  # no further thread can be started
                await background.start(self._put, report, windows)

    def _put(self, report: RefusedChampion | None, windows: Sequence[ServedWindow]) -> None:
        """Write, in a thread."""
        steps: list[Callable[[], None]] = [lambda: self._files.put_refused(report, self._worker)]
        if self._sketcher is not None:
            steps += [partial(self._sketcher.put, window) for window in windows]
        if self._keeper is not None:
            steps.append(self._keeper.flush)
        problem = ""
        for step in steps:
            try:
                step()
            except Exception as error:  # noqa: BLE001 -- one part must not hold up the others; a bug's text may quote a value
                known = machine.refusal(error)
                problem = (
                    f"{known.what} ({known.where})"
                    if known
                    else f"unexpected {type(error).__name__}: this is a bug in wdbc"
                )
        if problem and problem != self._problem:
            logger.error("what monitoring needs cannot be written: %s", problem)
        self._problem = problem
        telemetry.UNWRITTEN.set(bool(problem))
