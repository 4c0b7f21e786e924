"""The champion in memory: hot-reloads a newly promoted champion, or rejects it and keeps the old one.

A new bundle is read, verified, opened and smoke-tested while the old one stays in service. The swap is a single
assignment, and each request reads the model once, so every response comes from exactly one model. A store that does not
respond in time is reported as unavailable; polling continues.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.serving import background, telemetry
from wdbc_assets.serving.api.problems import ProblemError
from wdbc_assets.serving.models import reference_range
from wdbc_assets.serving.models.referral_watch import ReferralWatch
from wdbc_assets.store import bundle_loader, isolation
from wdbc_assets.store.backends import CannotRead
from wdbc_assets.store.bundle_loader import Served
from wdbc_assets.store.manifest import DamagedStore, UnsupportedFormat
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    from wdbc_assets.registry.referral import Referral

ASSET = "champion"
OK = "ok"
STORE_SECONDS = 5.0
"""How long the store may take to respond before it is reported as unavailable."""

_UNAVAILABLE = "the store is unavailable; the loaded champion stays in service"
_REJECTED = "a new champion was rejected: {}; the previous one stays in service"
_START_SECONDS = 20.0  # how long the start of the service waits for a champion; after that it is hot-loaded
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_TRANSIENT = (isolation.NotTried, DamagedStore, CannotRead)  # and all exceptions that are not a WdbcError

logger = logging.getLogger("wdbc_assets.serving")


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory, the time at which it was loaded, and the reference range of its training set."""

    served: Served
    since: str
    reference_range: reference_range.ReferenceRange


@dataclass(frozen=True)
class Rejection:
    """A rejected version (or content), the reason, and the time before which it is not tried again."""

    subject: str | bytes
    error: Exception
    until: float
    pause: float

    @classmethod
    def after(cls, previous: "Rejection | None", subject: str | bytes, error: Exception) -> "Rejection":
        """Return a permanent rejection or, for a transient error, one that lasts for an exponentially growing pause."""
        if isinstance(error, WdbcError) and not isinstance(error, _TRANSIENT):
            return cls(subject, error, math.inf, 0.0)
        again = previous is not None and previous.subject == subject
        pause = min(2 * previous.pause, _LONGEST_PAUSE) if again and previous else _FIRST_PAUSE
        return cls(subject, error, time.monotonic() + pause, pause)

    def applies_to(self, subject: str | bytes) -> bool:
        """Return whether this subject must not be tried again yet."""
        return self.subject == subject and time.monotonic() < self.until


class ChampionLoader:
    """The model in service, if any, the state of its hot reload, and the policy "refer everyone", if it is on."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rejection: Rejection | None = None
        self._store_call_started: float | None = None
        self._polled = asyncio.Event()
        self.loaded: LoadedModel | None = None
        self.refresh = "the store has not responded yet"
        self.referral: Referral | None = None
        self._referral_watch = ReferralWatch(store)
        self.refused: tuple[str, str] | None = None
        """The version that is rejected now, and why."""

    def current(self) -> LoadedModel:
        """Return the model in service. It stays usable for the caller after a swap.

        Raises:
            ProblemError: 503 if no champion is loaded yet.
        """
        if self.loaded is None:
            raise ProblemError(
                503,
                "no-champion",
                f"No champion is loaded: {self.refresh}. The operator can promote one with `wdbc promote`; the service"
                " loads it within seconds.",
                headers={"Retry-After": "5"},
            )
        return self.loaded

    async def watch(self, seconds: float) -> None:
        """Poll the champion's pointer forever."""

        def poll() -> None:
            self.poll()
            loop.call_soon_threadsafe(self._polled.set)

        loop = asyncio.get_running_loop()
        await background.repeat(poll, seconds, meanwhile=self._check_timeout)

    async def wait_for_first_poll(self) -> None:
        """Wait for the first poll, for a bounded time."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._polled.wait(), _START_SECONDS)

    def _check_timeout(self) -> None:
        started = self._store_call_started
        if started is not None and time.monotonic() - started > STORE_SECONDS:
            self._mark_stale(TimeoutError())
            self._polled.set()

    @contextlib.contextmanager
    def _store_call(self) -> Iterator[None]:
        self._store_call_started = time.monotonic()
        try:
            yield
        finally:
            self._store_call_started = None

    def poll(self) -> None:
        """Load the version that the pointer names if it is new and valid, and report it otherwise. Never raises."""
        try:
            with self._store_call():
                referred = self._referral_watch.read()
            if referred is not None:  # before the champion: no patient is scored without it
                self._refer_everyone(referred)
            self._reload()
            if referred is None and self.refresh == OK:  # after it: a promotion ends it, once it is in service
                self._refer_everyone(None)
        except (DamagedStore, UnsupportedFormat) as error:
            self._reject("the pointer", error)
        except Exception as error:  # noqa: BLE001 -- a defect in reading must not end the service
            self._mark_stale(error)

    def _refer_everyone(self, referral: "Referral | None") -> None:
        if referral != self.referral:
            logger.warning("%s", referral or "patients are no longer all referred to a person")
        telemetry.REFERS_EVERYONE.set(referral is not None)
        self.referral = referral

    def _reload(self) -> None:
        with self._store_call():
            manifest = self._store.current(ASSET)
        if manifest is None:
            if self.loaded is not None:  # a champion is never withdrawn, so the store must be unavailable
                self._mark_stale(FileNotFoundError())
            else:
                self.refresh = "no champion has been promoted yet"
                telemetry.STALE.set(0)
            return
        if self.loaded is not None and manifest.version == self.loaded.served.version:
            self._mark_current()
            return
        rejection = self._rejection
        if rejection is not None and rejection.applies_to(manifest.version):
            self._reject(manifest.version, rejection.error)
            return
        with self._store_call():
            contents = bundle_loader.read(self._store, manifest)
        if self.loaded is None and rejection is None:
            self.refresh = "the champion is being loaded"
        try:
            loaded = load_model(contents)
        except Exception as error:  # noqa: BLE001 -- a foreign model file can raise anything; the old champion stays
            self._rejection = Rejection.after(rejection, manifest.version, error)
            self._reject(manifest.version, error)
        else:
            self._swap(loaded)

    def _swap(self, new: LoadedModel) -> None:
        if self.loaded is not None:
            telemetry.SERVING.labels(formatting.short(self.loaded.served.version)).set(0)
            telemetry.SWAPS.inc()
        telemetry.SERVING.labels(formatting.short(new.served.version)).set(1)
        self._mark_current()
        self.loaded = new  # last, so that the metrics already describe the new model when it serves
        logger.info("champion %s is in service: %s", formatting.short(new.served.version), new.served.recipe)

    def _mark_current(self) -> None:
        telemetry.REFUSED.set(0)
        telemetry.STALE.set(0)
        self.refresh, self._rejection, self.refused = OK, None, None

    def _reject(self, version: str, error: Exception) -> None:
        # `what` of a WdbcError contains neither values nor paths; the text of any other exception might.
        reason = error.what if isinstance(error, WdbcError) else type(error).__name__
        message = _REJECTED.format(reason) if self.loaded else f"the champion was rejected: {reason}"
        if message != self.refresh:
            logger.error("champion %s was rejected: %s", formatting.short(version), reason)
        telemetry.REFUSED.set(1)
        telemetry.STALE.set(0)
        self.refused = (version, reason)
        self.refresh = message

    def _mark_stale(self, error: Exception) -> None:
        if self.refresh != _UNAVAILABLE:
            logger.error("the store is unavailable (%s)", type(error).__name__)
        telemetry.STALE.set(1)
        self.refresh = _UNAVAILABLE if self.loaded else "the store is unavailable"


def load_model(contents: dict[str, bytes]) -> LoadedModel:
    """Open a bundle, including its smoke test. Raises the errors of `bundle_loader.open_bundle`."""
    served = bundle_loader.open_bundle(contents)
    return LoadedModel(
        served, datetime.now(UTC).isoformat(timespec="seconds"), reference_range.ReferenceRange.from_bundle(served)
    )
