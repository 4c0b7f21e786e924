"""Which model answers: the champion's pointer is watched, and a new one is swapped in whole, or refused whole.

A new bundle is read, verified, opened and tried on a golden batch while the earlier one goes on. The swap is one
assignment, and each request takes the model once: every answer is of one whole model.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.serving import golden, metrics
from wdbc_assets.serving.problems import Refused
from wdbc_assets.storage.bundles import Served, open_bundle
from wdbc_assets.storage.passport import DamagedStore, NewerStore
from wdbc_assets.storage.store import Store

ASSET = "champion"
OK = "ok"
_AWAY = "the store cannot be asked; what was loaded goes on"
_REFUSED = "a new champion was refused: {}; the earlier one goes on"

logger = logging.getLogger("wdbc_assets.serving")


@dataclass(frozen=True)
class Answering:
    """A model that was taken over: itself, since when, and what lies within its training part."""

    served: Served
    since: str
    usual: golden.Usual


class Champion:
    """The model that answers, if there is one, and how it stands with the pointer."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._refused: tuple[str, Exception] | None = None
        self.answering: Answering | None = None
        self.refresh = "no champion was promoted yet"

    def now(self) -> Answering:
        """Return the model that answers; it goes on answering for whoever has it.

        Raises:
            Refused: there is none yet.
        """
        if self.answering is None:
            raise Refused(
                503,
                "no-champion",
                f"The service is alive, but no model answers yet: {self.refresh}. Whoever runs it promotes one with"
                " `wdbc promote`; it is taken over within seconds.",
                headers={"Retry-After": "5"},
            )
        return self.answering

    async def watch(self, seconds: float) -> None:
        """Look at the pointer for ever; only the swap itself happens in the loop that answers."""
        while True:
            await asyncio.sleep(seconds)
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """Take over what the pointer names, if it is another and sound; say so if it cannot be had. Never raises."""
        try:
            self._follow()
        except (DamagedStore, NewerStore) as error:
            self._refuse("the pointer", error)
        except Exception as error:  # noqa: BLE001 -- fsspec raises whatever its library does; the service goes on
            self._is_away(error)

    def _follow(self) -> None:
        passport = self._store.current(ASSET)
        if passport is None:
            if self.answering is not None:  # a champion is never taken away: the store is
                self._is_away(FileNotFoundError())
            return
        if self.answering is not None and passport.version == self.answering.served.version:
            self._is_current()
            return
        if self._refused is not None and passport.version == self._refused[0]:
            self._refuse(*self._refused)
            return
        contents = self._store.files(passport)
        try:
            answering = opened(contents)
        except Exception as error:  # noqa: BLE001 -- whatever a stranger's file brings about, the earlier one goes on
            self._refuse(passport.version, error)
            self._refused = (passport.version, error)
        else:
            self._swap(answering)

    def _swap(self, new: Answering) -> None:
        if self.answering is not None:
            metrics.SERVING.labels(self.answering.served.version[:12]).set(0)
            metrics.SWAPS.inc()
        metrics.SERVING.labels(new.served.version[:12]).set(1)
        self._is_current()
        self.answering = new  # last: whoever is answered by it finds all that is said of it in place
        logger.info("champion %s answers: %s", new.served.version[:12], new.served.recipe)

    def _is_current(self) -> None:
        metrics.REFUSED.set(0)
        metrics.STALE.set(0)
        self.refresh, self._refused = OK, None

    def _refuse(self, version: str, error: Exception) -> None:
        # `what` names neither a value nor a place; the text of any other error might.
        why = error.what if isinstance(error, WdbcError) else type(error).__name__
        said = _REFUSED.format(why) if self.answering else f"the champion was refused: {why}"
        if said != self.refresh:
            logger.error("champion %s was refused: %s", version[:12], why)
        metrics.REFUSED.set(1)
        metrics.STALE.set(0)
        self.refresh = said

    def _is_away(self, error: Exception) -> None:
        if self.refresh != _AWAY:
            logger.error("the store cannot be asked (%s)", type(error).__name__)
        metrics.STALE.set(1)
        self.refresh = _AWAY if self.answering else "the store cannot be asked"


def opened(contents: dict[str, bytes]) -> Answering:
    """Open a bundle and try it.

    Raises:
        WdbcError: it is none, or what it answers to the golden batch is no sound answer.
    """
    served = open_bundle(contents)
    golden.require_sound(served)
    return Answering(served, datetime.now(UTC).isoformat(timespec="seconds"), golden.Usual.of(served))
