"""How a challenger is paired with the champion: a bounded queue, and a process of the challenger's own.

The process runs `shadow_process`. A challenger that fails, hangs or crashes costs patients that are not paired, which
are counted, and no answer of the service.
"""

import asyncio
import contextlib
import json
import logging
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from wdbc_assets import settings
from wdbc_assets.registry import challenger
from wdbc_assets.registry.challenger import DROPPED, FAILED, GIVEN, SCORED, Experiment
from wdbc_assets.serving import background, telemetry
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_MOST_WAITING = 2000  # patients; about a megabyte
_MOST = 200_000  # patients that one worker gives it in an experiment: far more than a gate can use, and some 30 MB
_BATCH_SECONDS = 0.1
_COUNTS_SECONDS = 2.0
_START_SECONDS, _END_SECONDS = 60.0, 3.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0

logger = logging.getLogger("wdbc_assets.serving")


class Queue:
    """Patients on their way to the challenger, never too many, and what became of all so far.

    A patient is counted as scored once its pair is in the store; what a process was given and did not put there, it
    failed.
    """

    def __init__(self) -> None:
        self.name = f"{time.time_ns()}-{secrets.token_hex(4)}"
        self.counts: Counter[str] = Counter()
        self._put: Mapping[str, int] = {}
        self._waiting: list[tuple[str, Array, Array, str]] = []
        self._size = 0
        self._taking = True
        self._processes = 0
        self._taken = 0
        self._accounted: Counter[str] = Counter()

    def begin(self) -> str:
        """Take patients for a new process from now on; return the name that its pairs are put down under."""
        self._taking, self._taken, self._accounted = True, 0, Counter()
        self._processes += 1
        return f"{self.name}-{self._processes}"

    def offer(self, request: str, X: "Array", p: "Array", answered: str) -> None:
        """Take a request's patients with what the champion said, or count them as dropped. Takes microseconds."""
        if not self._taking or self._size + len(X) > _MOST_WAITING or self.counts[GIVEN] >= _MOST:
            self.count(DROPPED, len(X))
            return
        self._waiting.append((request, X, p, answered))
        self._size += len(X)
        self.counts[GIVEN] += len(X)

    def take(self) -> list[dict[str, Any]]:
        """Return all that wait, each patient with its place in its request."""
        waiting, self._waiting = self._waiting, []
        self._taken, self._size = self._taken + self._size, 0
        return [
            {"request": request, "row": row, "x": x, "p": p, "answered": answered}
            for request, X, of, answered in waiting
            for row, (x, p) in enumerate(zip(X.tolist(), of.tolist(), strict=True), start=1)
        ]

    def account(self, scored: int, failed: int) -> None:
        """Count what the process says that became of the patients it was given, all of them so far."""
        for outcome, patients in ((SCORED, scored), (FAILED, failed)):
            self.count(outcome, patients - self._accounted[outcome])
            self._accounted[outcome] = patients

    def end(self, kept: int | None) -> None:
        """Count what became of all that the process was given: `kept` of them lie in the store; None if unknown."""
        scored = max(self._accounted[SCORED], kept or 0)
        self.account(scored, max(self._accounted[FAILED], self._taken - scored))

    def fail(self) -> None:
        """Count all that wait as failed: there is no process to give them to, and no more are taken until there is."""
        self.count(FAILED, self._size)
        self._waiting, self._size, self._taking = [], 0, False

    def not_answered(self, patients: int) -> None:
        """Count patients whom the challenger was to answer itself, and could not."""
        self.counts[GIVEN] += patients
        self.count(FAILED, patients)

    def count(self, outcome: str, patients: int) -> None:
        """Count patients by what became of them."""
        if patients > 0:
            self.counts[outcome] += patients
            telemetry.CHALLENGER.labels(outcome).inc(patients)

    def put(self, store: Store, experiment: Experiment) -> None:
        """Put the counts into the store, if they have changed."""
        counts = {name: self.counts[name] for name in challenger.COUNTED}
        if counts != self._put and any(counts.values()):
            challenger.put_counts(store, experiment, self.name, counts)
            self._put = counts


class Shadow:
    """Has the challenger score what the champion was asked. `now` returns the experiment that goes on."""

    def __init__(self, store: Store, now: Callable[[], tuple[Experiment | None, Queue]], *, seconds: float) -> None:
        self._store = store
        self._now = now
        self._seconds = seconds

    async def work(self) -> None:
        """Do it for ever: a process that ends is started again, after a pause that grows."""
        failing: tuple[Experiment | None, float] = (None, _FIRST_PAUSE)
        while True:
            experiment, queue = self._now()
            if experiment is None:
                await asyncio.sleep(_BATCH_SECONDS)
                continue
            pause = failing[1] if failing[0] is experiment else _FIRST_PAUSE
            try:
                await self._accompany(experiment, queue)
            except Exception as error:  # noqa: BLE001 -- uvloop and pipes raise many things; none may end this task
                why = error if isinstance(error, _Failed) else type(error).__name__
                logger.error("the challenger beside the champion failed (%s); again in %g s", why, pause)  # noqa: TRY400 -- no bug whose stack would help
                queue.fail()
                await self._put_counts(experiment, queue)
                await self._rest(experiment, pause)
                failing = experiment, min(2 * pause, _LONGEST_PAUSE)
            finally:
                await self._put_counts(experiment, queue)

    async def _accompany(self, experiment: Experiment, queue: Queue) -> None:
        """Score with one process for as long as experiment and process last, and count what it leaves behind."""
        name = queue.begin()
        try:
            async with _Process(experiment, name, self._seconds, last=queue.take) as process:
                await self._pair(experiment, queue, process)
        finally:
            queue.end(await self._kept(experiment, name))

    async def _pair(self, experiment: Experiment, queue: Queue, process: "_Process") -> None:
        told = time.monotonic()
        while self._now()[0] is experiment:
            await asyncio.sleep(_BATCH_SECONDS)
            process.give(queue.take())
            queue.account(*await process.outcomes())
            if time.monotonic() - told > _COUNTS_SECONDS:
                await self._put_counts(experiment, queue)
                told = time.monotonic()

    async def _rest(self, experiment: Experiment, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._now()[0] is experiment:
            await asyncio.sleep(_BATCH_SECONDS)

    async def _kept(self, experiment: Experiment, name: str) -> int | None:
        with contextlib.suppress(Exception):  # the store is away: what the process said last counts
            return await background.start(challenger.kept, self._store, experiment, name)
        return None

    async def _put_counts(self, experiment: Experiment, queue: Queue) -> None:
        with contextlib.suppress(Exception):  # the store is away: told by whoever follows the champion
            await background.start(queue.put, self._store, experiment)


class _Failed(Exception):
    """The challenger's process is of no use any more."""


class _Process:
    """The challenger's process, while it works. When the experiment or the service ends, it is given the `last`."""

    def __init__(
        self, experiment: Experiment, name: str, seconds: float, *, last: Callable[[], list[dict[str, Any]]] = list
    ) -> None:
        self._last = last
        self._experiment = experiment
        self._name = name
        self._seconds = seconds

    async def __aenter__(self) -> "_Process":
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "wdbc_assets.serving.models.shadow_worker", self._experiment.challenger.version,
                self._name,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                env=settings.without_metrics(),
                start_new_session=True,  # Ctrl-C is for the service, which ends this process when all is paired
            )  # fmt: skip
        except OSError as error:
            raise _Failed(type(error).__name__) from None
        try:
            said = await self._line(_START_SECONDS)
        except BaseException:
            await self._kill()
            raise
        if "refused" in said:
            raise _Failed(said["refused"])
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._process.stdin is not None  # noqa: S101 -- it was made with a pipe
        if kind is not None and issubclass(kind, Exception):
            await self._kill()
            return
        self.give(self._last())
        self._process.stdin.close()  # it puts down what it has not yet, and ends
        try:
            await asyncio.wait_for(self._process.wait(), _END_SECONDS)
        except TimeoutError:
            await self._kill()
        except asyncio.CancelledError:  # the service ends while the challenger is replaced
            await self._kill()
            raise

    def give(self, batch: list[dict[str, Any]]) -> None:
        """Give it patients, or ask it to put down what it has not yet."""
        assert self._process.stdin is not None  # noqa: S101 -- it was made with a pipe
        self._process.stdin.write(json.dumps(batch).encode() + b"\n")

    async def outcomes(self) -> tuple[int, int]:
        """Return of how many patients so far it has put the pairs down, and for how many it had no answer."""
        line = await self._line(self._seconds)
        return int(line[SCORED]), int(line[FAILED])

    async def _line(self, seconds: float) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 -- it was made with a pipe
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), seconds)
            said: dict[str, Any] = json.loads(line)
        except TimeoutError:
            raise _Failed(f"no answer within {seconds:g} s") from None
        except (ValueError, OSError):
            raise _Failed("its process ended") from None
        return said

    async def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
