"""A challenger under test beside the champion: which one, and for which requests it answers.

The champion is always asked. What it was asked and said is paired after the fact, with what the challenger says in a
process of its own (`shadow`): that costs no answer anything. Only for its share of an A/B test does the challenger
answer within the request; if it cannot, or not in time, the champion's answer is given, and the challenger rests for a
while.
"""

import asyncio
import hashlib
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.registry import challenger
from wdbc_assets.registry.challenger import ANSWERED, CHALLENGER, CHAMPION, Experiment
from wdbc_assets.serving import background
from wdbc_assets.serving.middleware.request_context import RequestContext
from wdbc_assets.serving.models.champion import Answering, Refusal, opened
from wdbc_assets.serving.models.shadow import Queue
from wdbc_assets.store import bundle_loader
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_IN_TIME = 0.5  # how long an answer may wait for the challenger
_REST_SECONDS = 60.0

logger = logging.getLogger("wdbc_assets.serving")


class ChallengerRouter:
    """The experiment that goes on, if any, as one worker of the service follows it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._raw = b""
        self._refused: Refusal | None = None
        self.experiment: Experiment | None = None
        self.queue = Queue()
        self._variant: Answering | None = None
        self._rests_until = 0.0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="challenger")

    @property
    def variant(self) -> tuple[Experiment, Answering] | None:
        """The challenger that answers a share, and the terms of it."""
        return (self.experiment, self._variant) if self.experiment and self._variant else None

    # Following the store

    async def watch(self, seconds: float) -> None:
        """Look for ever which experiment goes on."""
        await background.repeat(self.look, seconds)

    def look(self) -> None:
        """Follow the experiment that the store names. Never raises: an experiment must not harm the service."""
        try:
            content = challenger.raw(self._store)
        except Exception:  # noqa: BLE001 -- the store is away: told by whoever follows the champion; the experiment goes on
            return
        refused = self._refused
        if content == self._raw and (refused is None or refused.stands(content)):
            return
        self._raw, self._variant = content, None
        try:
            experiment = challenger.current(self._store)
            variant = (
                opened(bundle_loader.read(self._store, experiment.challenger))
                if experiment and experiment.share
                else None
            )
        except Exception as error:  # noqa: BLE001 -- a stranger's file raises whatever it does
            self.experiment, self._refused = None, Refusal.after(refused, content, error)
            why = error.what if isinstance(error, WdbcError) else type(error).__name__
            logger.error("the challenger under test was refused: %s; the champion goes on alone", why)  # noqa: TRY400 -- no bug whose stack would help
        else:
            # The queue comes first: whoever sees the new experiment must not pair it in the queue of the one before.
            self.queue, self._refused = Queue(), None
            self.experiment, self._variant, self._rests_until = experiment, variant, 0.0
            said = (
                f"{experiment.recipe} {experiment.challenger.version[:12]}, share {experiment.share:g}"
                if experiment
                else "none"
            )
            logger.info("challenger under test: %s", said)

    # Answering

    async def answer(
        self, answering: Answering, X: "Array", p: "Array", call: RequestContext, key: str | None
    ) -> tuple[Answering, "Array"]:
        """Return who answers a request and what: the challenger for its share, else the champion with its p.

        Both are paired afterwards, whoever answers.
        """
        experiment = self.experiment
        if experiment is None or experiment.against != answering.served.version:
            return answering, p
        by, said = answering, p
        if (variant := self._assigned(experiment, call, key)) is not None:
            q = await self._in_time(variant, X)
            if q is None:
                self.queue.not_answered(len(X))
                return answering, p
            by, said = variant, q
            self.queue.counts[ANSWERED] += len(X)
        self.queue.offer(call.request_id, X, p, CHAMPION if by is answering else CHALLENGER)
        return by, said

    def explains(self, answering: Answering, call: RequestContext, key: str | None) -> Answering:
        """Return who explains a request: who would answer it, if that one can explain."""
        experiment = self.experiment
        if experiment is None or experiment.against != answering.served.version:
            return answering
        variant = self._assigned(experiment, call, key)
        return variant if variant is not None and variant.served.compiled else answering

    def _assigned(self, experiment: Experiment, call: RequestContext, key: str | None) -> Answering | None:
        if self._variant is None or time.monotonic() < self._rests_until:
            return None
        return self._variant if falls_to_challenger(experiment, key or call.key or call.client) else None

    async def _in_time(self, variant: Answering, X: "Array") -> "Array | None":
        try:
            if variant.served.compiled:
                q = variant.served.probabilities(X)
            else:
                work = asyncio.get_running_loop().run_in_executor(self._thread, variant.served.probabilities, X)
                q = await asyncio.wait_for(work, _IN_TIME)
            if q.shape == (len(X),) and np.isfinite(q).all() and (q >= 0).all() and (q <= 1).all():
                return q
            why = "its answer is no probability"
        except Exception as error:  # noqa: BLE001 -- whatever a challenger raises, the champion answers
            why = type(error).__name__
        self._rests_until = time.monotonic() + _REST_SECONDS
        logger.error("the challenger did not answer (%s); the champion did, and does for %g s", why, _REST_SECONDS)
        return None


def falls_to_challenger(experiment: Experiment, key: str) -> bool:
    """Return whether the challenger answers requests with this key: the same in every worker, all the time."""
    digest = hashlib.sha256(f"{experiment.challenger.version}:{key}".encode()).digest()
    return int.from_bytes(digest[:8]) < experiment.share * 2**64
