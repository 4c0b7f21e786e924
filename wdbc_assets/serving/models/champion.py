"""Which model answers: the champion's pointer is watched, and a new one is swapped in whole, or refused whole.

A new bundle is read, verified, opened and smoke-tested while the earlier one goes on. The swap is one assignment, and
each request takes the model once: every answer is of one whole model. A store that does not answer in time is reported,
and followed again once it does.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.serving import background, telemetry
from wdbc_assets.serving.api.problems import ProblemError
from wdbc_assets.serving.models import reference_range
from wdbc_assets.store import bundle_loader, isolation
from wdbc_assets.store.backends import CannotRead
from wdbc_assets.store.bundle_loader import Served
from wdbc_assets.store.manifest import DamagedStore, UnsupportedFormat
from wdbc_assets.store.store import Store

ASSET = "champion"
OK = "ok"
STORE_SECONDS = 5.0
"""How long the store may take before it is reported as away."""

_AWAY = "the store cannot be asked; what was loaded goes on"
_REFUSED = "a new champion was refused: {}; the earlier one goes on"
_START_SECONDS = 20.0  # how long a start waits for a champion; what takes longer is taken over while the service runs
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_MAY_PASS = (isolation.NotTried, DamagedStore, CannotRead)  # of our own errors: beside them any that is not ours

logger = logging.getLogger("wdbc_assets.serving")


@dataclass(frozen=True)
class Answering:
    """A model that was taken over: itself, since when, and what lies within its training part."""

    served: Served
    since: str
    usual: reference_range.Usual


@dataclass(frozen=True)
class Refusal:
    """What was refused, why, and until when it is not tried again."""

    subject: str | bytes
    error: Exception
    until: float
    pause: float

    @classmethod
    def after(cls, before: "Refusal | None", subject: str | bytes, error: Exception) -> "Refusal":
        """Return the refusal: for good, or, for a cause that may pass, until after a pause that grows."""
        if isinstance(error, WdbcError) and not isinstance(error, _MAY_PASS):
            return cls(subject, error, math.inf, 0.0)
        again = before is not None and before.subject == subject
        pause = min(2 * before.pause, _LONGEST_PAUSE) if again and before else _FIRST_PAUSE
        return cls(subject, error, time.monotonic() + pause, pause)

    def stands(self, subject: str | bytes) -> bool:
        """Say whether this is still not to be tried again."""
        return self.subject == subject and time.monotonic() < self.until


class Champion:
    """The model that answers, if there is one, and how it stands with the pointer."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._refused: Refusal | None = None
        self._asked_at: float | None = None
        self._settled = asyncio.Event()
        self.answering: Answering | None = None
        self.refresh = "the store has not answered yet"

    def now(self) -> Answering:
        """Return the model that answers; it goes on answering for whoever has it.

        Raises:
            ProblemError: there is none yet.
        """
        if self.answering is None:
            raise ProblemError(
                503,
                "no-champion",
                f"The service is alive, but no model answers yet: {self.refresh}. Whoever runs it promotes one with"
                " `wdbc promote`; it is taken over within seconds.",
                headers={"Retry-After": "5"},
            )
        return self.answering

    async def watch(self, seconds: float) -> None:
        """Look at the pointer for ever."""

        def look() -> None:
            self.look()
            loop.call_soon_threadsafe(self._settled.set)

        loop = asyncio.get_running_loop()
        await background.repeat(look, seconds, meanwhile=self._require_in_time)

    async def settled(self) -> None:
        """Wait for the first look, as long as a start may take."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), _START_SECONDS)

    def _require_in_time(self) -> None:
        asked = self._asked_at
        if asked is not None and time.monotonic() - asked > STORE_SECONDS:
            self._is_away(TimeoutError())
            self._settled.set()

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        self._asked_at = time.monotonic()
        try:
            yield
        finally:
            self._asked_at = None

    def look(self) -> None:
        """Take over what the pointer names, if it is another and sound; say so if it cannot be had. Never raises."""
        try:
            self._follow()
        except (DamagedStore, UnsupportedFormat) as error:
            self._refuse("the pointer", error)
        except Exception as error:  # noqa: BLE001 -- fsspec raises whatever its library does; the service goes on
            self._is_away(error)

    def _follow(self) -> None:
        with self._asking():
            manifest = self._store.current(ASSET)
        if manifest is None:
            if self.answering is not None:  # a champion is never taken away: the store is
                self._is_away(FileNotFoundError())
            else:
                self.refresh = "no champion was promoted yet"
                telemetry.STALE.set(0)
            return
        if self.answering is not None and manifest.version == self.answering.served.version:
            self._is_current()
            return
        refused = self._refused
        if refused is not None and refused.stands(manifest.version):
            self._refuse(manifest.version, refused.error)
            return
        with self._asking():
            contents = bundle_loader.read(self._store, manifest)
        if self.answering is None and refused is None:
            self.refresh = "the champion is being opened"
        try:
            answering = opened(contents)
        except Exception as error:  # noqa: BLE001 -- whatever a foreign file brings about, the earlier one goes on
            self._refused = Refusal.after(refused, manifest.version, error)
            self._refuse(manifest.version, error)
        else:
            self._swap(answering)

    def _swap(self, new: Answering) -> None:
        if self.answering is not None:
            telemetry.SERVING.labels(self.answering.served.version[:12]).set(0)
            telemetry.SWAPS.inc()
        telemetry.SERVING.labels(new.served.version[:12]).set(1)
        self._is_current()
        self.answering = new  # last: whoever is answered by it finds all that is said of it in place
        logger.info("champion %s answers: %s", new.served.version[:12], new.served.recipe)

    def _is_current(self) -> None:
        telemetry.REFUSED.set(0)
        telemetry.STALE.set(0)
        self.refresh, self._refused = OK, None

    def _refuse(self, version: str, error: Exception) -> None:
        # `what` names neither a value nor a place; the text of any other error might.
        why = error.what if isinstance(error, WdbcError) else type(error).__name__
        said = _REFUSED.format(why) if self.answering else f"the champion was refused: {why}"
        if said != self.refresh:
            logger.error("champion %s was refused: %s", version[:12], why)
        telemetry.REFUSED.set(1)
        telemetry.STALE.set(0)
        self.refresh = said

    def _is_away(self, error: Exception) -> None:
        if self.refresh != _AWAY:
            logger.error("the store cannot be asked (%s)", type(error).__name__)
        telemetry.STALE.set(1)
        self.refresh = _AWAY if self.answering else "the store cannot be asked"


def opened(contents: dict[str, bytes]) -> Answering:
    """Open a bundle, which passes its smoke test for that; raises as `bundles.open_bundle` does."""
    served = bundle_loader.open_bundle(contents)
    return Answering(served, datetime.now(UTC).isoformat(timespec="seconds"), reference_range.Usual.of(served))
