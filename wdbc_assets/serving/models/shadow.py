"""Shadow scoring: a bounded queue of patients, and a separate process in which the challenger scores them.

The process runs `shadow_worker`. If the challenger fails, hangs or crashes, patients stay unpaired, which is counted,
but no response of the service is affected.
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
from typing import TYPE_CHECKING

from wdbc_assets import settings
from wdbc_assets.registry import challenger
from wdbc_assets.registry.challenger import DROPPED, FAILED, GIVEN, SCORED
from wdbc_assets.registry.experiment import Experiment
from wdbc_assets.serving import background, telemetry
from wdbc_assets.serving.models.shadow_worker import QueuedPatient, Reply
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_MAX_QUEUED = 2000  # patients; about a megabyte
_MAX_PATIENTS = 200_000  # per worker and experiment: far more than the gate needs, and about 30 MB
_BATCH_SECONDS = 0.1
_COUNTS_SECONDS = 2.0
_START_SECONDS, _END_SECONDS = 60.0, 3.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0

logger = logging.getLogger("wdbc_assets.serving")


class Queue:
    """Bounded queue of patients for the challenger, with the counts of their outcomes.

    A patient counts as scored once its pair is in the store. A patient that a process was given and whose pair it did
    not store counts as failed.
    """

    def __init__(self) -> None:
        self.name = f"{time.time_ns()}-{secrets.token_hex(4)}"
        self.counts: Counter[str] = Counter()
        self._stored_counts: Mapping[str, int] = {}
        self._waiting: list[tuple[str, Array, Array, str]] = []
        self._size = 0
        self._accepting = True
        self._processes = 0
        self._taken = 0
        self._accounted: Counter[str] = Counter()

    def begin(self) -> str:
        """Start to accept patients for a new process; return the name under which it stores its pairs."""
        self._accepting, self._taken, self._accounted = True, 0, Counter()
        self._processes += 1
        return f"{self.name}-{self._processes}"

    def offer(self, request: str, X: "Array", p: "Array", answered: str) -> None:
        """Queue the patients of a request with the champion's probabilities, or drop them. Takes microseconds."""
        if not self._accepting or self._size + len(X) > _MAX_QUEUED or self.counts[GIVEN] >= _MAX_PATIENTS:
            self.count(DROPPED, len(X))
            return
        self._waiting.append((request, X, p, answered))
        self._size += len(X)
        self.counts[GIVEN] += len(X)

    def take(self) -> list[QueuedPatient]:
        """Remove and return all queued patients, each with its position in the request."""
        waiting, self._waiting = self._waiting, []
        self._taken, self._size = self._taken + self._size, 0
        return [
            QueuedPatient(request, row, x, p, answered)
            for request, X, probabilities, answered in waiting
            for row, (x, p) in enumerate(zip(X.tolist(), probabilities.tolist(), strict=True), start=1)
        ]

    def account(self, scored: int, failed: int) -> None:
        """Update the counts from the totals that the process reports."""
        for outcome, patients in ((SCORED, scored), (FAILED, failed)):
            self.count(outcome, patients - self._accounted[outcome])
            self._accounted[outcome] = patients

    def end(self, stored: int | None) -> None:
        """Finalize the counts of a process. `stored` is the number of its pairs in the store, None if unknown."""
        scored = max(self._accounted[SCORED], stored or 0)
        self.account(scored, max(self._accounted[FAILED], self._taken - scored))

    def fail(self) -> None:
        """Count all queued patients as failed, and accept no more until the next process begins."""
        self.count(FAILED, self._size)
        self._waiting, self._size, self._accepting = [], 0, False

    def not_answered(self, patients: int) -> None:
        """Count patients of a request that was assigned to the challenger but served by the champion."""
        self.counts[GIVEN] += patients
        self.count(FAILED, patients)

    def count(self, outcome: str, patients: int) -> None:
        """Add patients to the count of an outcome."""
        if patients > 0:
            self.counts[outcome] += patients
            telemetry.CHALLENGER.labels(outcome).inc(patients)

    def put(self, store: Store, experiment: Experiment) -> None:
        """Store the counts if they have changed."""
        counts = {name: self.counts[name] for name in challenger.COUNTED}
        if counts != self._stored_counts and any(counts.values()):
            challenger.put_counts(store, experiment, self.name, counts)
            self._stored_counts = counts


class Shadow:
    """Scores the champion's requests with the challenger. `now` returns the running experiment and its queue."""

    def __init__(self, store: Store, now: Callable[[], tuple[Experiment | None, Queue]], *, seconds: float) -> None:
        self._store = store
        self._now = now
        self._seconds = seconds

    async def work(self) -> None:
        """Run the challenger's process forever; restart it after a failure with an exponentially growing pause."""
        failing: tuple[Experiment | None, float] = (None, _FIRST_PAUSE)
        while True:
            experiment, queue = self._now()
            if experiment is None:
                await asyncio.sleep(_BATCH_SECONDS)
                continue
            pause = failing[1] if failing[0] is experiment else _FIRST_PAUSE
            try:
                await self._run_process(experiment, queue)
            except Exception as error:  # noqa: BLE001 -- uvloop and pipes raise many types; none may end this task
                reason = error if isinstance(error, _Failed) else type(error).__name__
                logger.error("the challenger process failed (%s); restarting in %g s", reason, pause)  # noqa: TRY400 -- an expected error, so no stack trace
                queue.fail()
                await self._put_counts(experiment, queue)
                await self._pause(experiment, pause)
                failing = experiment, min(2 * pause, _LONGEST_PAUSE)
            finally:
                await self._put_counts(experiment, queue)

    async def _run_process(self, experiment: Experiment, queue: Queue) -> None:
        """Score with one process until it or the experiment ends, then finalize the counts."""
        name = queue.begin()
        try:
            async with _Process(experiment, name, self._seconds, last=queue.take) as process:
                await self._pair(experiment, queue, process)
        finally:
            queue.end(await self._stored_pairs(experiment, name))

    async def _pair(self, experiment: Experiment, queue: Queue, process: "_Process") -> None:
        counts_stored = time.monotonic()
        while self._now()[0] is experiment:
            await asyncio.sleep(_BATCH_SECONDS)
            process.give(queue.take())
            queue.account(*await process.outcomes())
            if time.monotonic() - counts_stored > _COUNTS_SECONDS:
                await self._put_counts(experiment, queue)
                counts_stored = time.monotonic()

    async def _pause(self, experiment: Experiment, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._now()[0] is experiment:
            await asyncio.sleep(_BATCH_SECONDS)

    async def _stored_pairs(self, experiment: Experiment, name: str) -> int | None:
        with contextlib.suppress(Exception):  # the store is unavailable: the last report of the process counts
            return await background.start(challenger.kept, self._store, experiment, name)
        return None

    async def _put_counts(self, experiment: Experiment, queue: Queue) -> None:
        with contextlib.suppress(Exception):  # the store is unavailable: the champion's poll reports it
            await background.start(queue.put, self._store, experiment)


class _Failed(Exception):
    """The challenger's process ended or timed out."""


class _Process:
    """The challenger's process. When the experiment or the service ends, it gets a `last` batch of patients."""

    def __init__(
        self, experiment: Experiment, name: str, seconds: float, *, last: Callable[[], list[QueuedPatient]] = list
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
                start_new_session=True,  # Ctrl-C must reach only the service, which ends this process last
            )  # fmt: skip
        except OSError as error:
            raise _Failed(type(error).__name__) from None
        try:
            reply = await self._reply(_START_SECONDS)
        except BaseException:
            await self._kill()
            raise
        if reply.refusal:
            raise _Failed(reply.refusal)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._process.stdin is not None  # noqa: S101 -- created with a pipe
        if kind is not None and issubclass(kind, Exception):
            await self._kill()
            return
        self.give(self._last())
        self._process.stdin.close()  # the process stores the remaining pairs and exits
        try:
            await asyncio.wait_for(self._process.wait(), _END_SECONDS)
        except TimeoutError:
            await self._kill()
        except asyncio.CancelledError:  # the service ends while the challenger is replaced
            await self._kill()
            raise

    def give(self, batch: list[QueuedPatient]) -> None:
        """Send patients; an empty batch makes the process store pairs that are due and report its totals."""
        assert self._process.stdin is not None  # noqa: S101 -- created with a pipe
        self._process.stdin.write(json.dumps(batch).encode() + b"\n")

    async def outcomes(self) -> tuple[int, int]:
        """Return the total numbers of stored pairs and of patients that could not be scored."""
        reply = await self._reply(self._seconds)
        return reply.scored, reply.failed

    async def _reply(self, seconds: float) -> Reply:
        assert self._process.stdout is not None  # noqa: S101 -- created with a pipe
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), seconds)
            return Reply(*json.loads(line))
        except TimeoutError:
            raise _Failed(f"no reply within {seconds:g} s") from None
        except (ValueError, OSError):
            raise _Failed("the process exited") from None

    async def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
