"""The challenger beside the champion: which experiment is running, and which requests the challenger serves.

The champion scores every request. Its predictions are paired afterwards with those of the challenger, which runs in a
separate process (`shadow`), so that pairing delays no response. Only in an A/B test, for its share of the requests,
does the challenger score within the request. If it fails or is too slow, the champion's prediction is served, and the
challenger gets no requests for a while.
"""

import asyncio
import hashlib
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.registry import challenger
from wdbc_assets.registry.challenger import ANSWERED, CHALLENGER, CHAMPION
from wdbc_assets.registry.experiment import Experiment
from wdbc_assets.serving import background
from wdbc_assets.serving.middleware.request_context import RequestContext
from wdbc_assets.serving.models.champion import LoadedModel, Rejection, load_model
from wdbc_assets.serving.models.shadow import Queue
from wdbc_assets.store import bundle_loader
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_TIMEOUT_SECONDS = 0.5  # how long a response may wait for the challenger
_PAUSE_SECONDS = 60.0

logger = logging.getLogger("wdbc_assets.serving")


class ChallengerRouter:
    """The running experiment, if any, in one worker, and the assignment of requests to its variants."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._raw = b""
        self._rejection: Rejection | None = None
        self.experiment: Experiment | None = None
        self.queue = Queue()
        self._variant: LoadedModel | None = None
        self._paused_until = 0.0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="challenger")

    @property
    def variant(self) -> tuple[Experiment, LoadedModel] | None:
        """The experiment and its challenger, if the challenger serves a share of the requests."""
        return (self.experiment, self._variant) if self.experiment and self._variant else None

    # Hot reload

    async def watch(self, seconds: float) -> None:
        """Poll the store for the current experiment forever."""
        await background.repeat(self.poll, seconds)

    def poll(self) -> None:
        """Load the experiment that the store names. Never raises: an experiment must not harm the service."""
        try:
            content = challenger.raw(self._store)
        except Exception:  # noqa: BLE001 -- the champion's poll reports an unavailable store; the experiment continues
            return
        rejection = self._rejection
        if content == self._raw and (rejection is None or rejection.applies_to(content)):
            return
        self._raw, self._variant = content, None
        try:
            experiment = challenger.current(self._store)
            variant = (
                load_model(bundle_loader.read(self._store, experiment.challenger))
                if experiment and experiment.share
                else None
            )
        except Exception as error:  # noqa: BLE001 -- a foreign model file can raise anything
            self.experiment, self._rejection = None, Rejection.after(rejection, content, error)
            reason = error.what if isinstance(error, WdbcError) else type(error).__name__
            logger.error("the challenger was rejected: %s; the champion serves all requests", reason)  # noqa: TRY400 -- an expected error, so no stack trace
        else:
            # The queue is replaced first, so that no pair of the new experiment gets into the queue of the old one.
            self.queue, self._rejection = Queue(), None
            self.experiment, self._variant, self._paused_until = experiment, variant, 0.0
            description = (
                f"{experiment.recipe} {formatting.short(experiment.challenger.version)}, share {experiment.share:g}"
                if experiment
                else "none"
            )
            logger.info("challenger: %s", description)

    # Serving

    async def answer(
        self, loaded: LoadedModel, X: "Array", p: "Array", context: RequestContext, key: str | None
    ) -> tuple[LoadedModel, "Array"]:
        """Return the model that serves a request and its probabilities.

        This is the challenger for its share of the requests, else the champion `loaded` with its probabilities `p`. In
        both cases the request is queued for pairing.
        """
        experiment = self.experiment
        if experiment is None or experiment.against != loaded.served.version:
            return loaded, p
        model, served_p = loaded, p
        if (variant := self._assigned(experiment, context, key)) is not None:
            q = await self._score_in_time(variant, X)
            if q is None:
                self.queue.not_answered(len(X))
                return loaded, p
            model, served_p = variant, q
            self.queue.counts[ANSWERED] += len(X)
        self.queue.offer(context.request_id, X, p, CHAMPION if model is loaded else CHALLENGER)
        return model, served_p

    def model_for_explanation(self, loaded: LoadedModel, context: RequestContext, key: str | None) -> LoadedModel:
        """Return the model that would serve this request if it can be explained, else the champion `loaded`."""
        experiment = self.experiment
        if experiment is None or experiment.against != loaded.served.version:
            return loaded
        variant = self._assigned(experiment, context, key)
        return variant if variant is not None and variant.served.compiled else loaded

    def _assigned(self, experiment: Experiment, context: RequestContext, key: str | None) -> LoadedModel | None:
        if self._variant is None or time.monotonic() < self._paused_until:
            return None
        return self._variant if is_assigned(experiment, key or context.key or context.client) else None

    async def _score_in_time(self, variant: LoadedModel, X: "Array") -> "Array | None":
        try:
            if variant.served.compiled:
                q = variant.served.probabilities(X)
            else:
                work = asyncio.get_running_loop().run_in_executor(self._thread, variant.served.probabilities, X)
                q = await asyncio.wait_for(work, _TIMEOUT_SECONDS)
            if q.shape == (len(X),) and np.isfinite(q).all() and (q >= 0).all() and (q <= 1).all():
                return q
            reason = "its output is not a probability"
        except Exception as error:  # noqa: BLE001 -- whatever the challenger raises, the champion serves the request
            reason = type(error).__name__
        self._paused_until = time.monotonic() + _PAUSE_SECONDS
        logger.error("the challenger failed (%s); the champion serves all requests for %g s", reason, _PAUSE_SECONDS)
        return None


def is_assigned(experiment: Experiment, key: str) -> bool:
    """Return whether requests with this key are assigned to the challenger. Stable across workers and time."""
    digest = hashlib.sha256(f"{experiment.challenger.version}:{key}".encode()).digest()
    return int.from_bytes(digest[:8]) < experiment.share * 2**64
