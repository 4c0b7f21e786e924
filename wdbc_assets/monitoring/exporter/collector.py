"""All metrics of the exporter. A part that cannot be read is counted as an error, and the others are exported."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from wdbc_assets import logs, machine, settings
from wdbc_assets.monitoring.exporter import of_alerts, of_batches, of_history, of_store
from wdbc_assets.monitoring.exporter.families import gauge, single
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    import dagster as dg

OpenHistory = Callable[[], AbstractContextManager["dg.DagsterInstance"]]
"""Opens Dagster's instance."""

_STORE: dict[str, Callable[[Store, settings.Settings], Iterator[GaugeMetricFamily]]] = {
    "assets": of_store.assets,
    "champion": lambda store, _: of_store.champion(store),
    "drift": lambda store, _: of_batches.drift(store),
    "served": lambda store, _: of_batches.served(store),
    "live": lambda store, _: of_batches.live(store),
    "alerts": lambda *_: of_alerts.alerts(settings.home()),
}
_HISTORY: dict[str, Callable[["dg.DagsterInstance"], Iterator[GaugeMetricFamily]]] = {
    "jobs": of_history.jobs,
    "automation": of_history.automation,
    "size": of_history.size,
}


class PlatformCollector(Collector):
    """Reads the metrics at every scrape; concurrent scrapes wait for each other.

    Args:
        store: The store.
        config: The settings.
        open_history: Opens Dagster's instance.
        history_seconds: How long a scrape waits for it; None for as long as it takes.
    """

    def __init__(
        self, store: Store, config: settings.Settings, open_history: OpenHistory, history_seconds: float | None = None
    ) -> None:
        self._store = store
        self._config = config
        self._open_history = open_history
        self._history_seconds = history_seconds
        self._lock = threading.Lock()
        self._reading: _Reading | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield all metric families, then which parts could not be read, and when this was."""
        with self._lock:
            began = time.monotonic()
            failed: dict[str, bool] = {}
            for name, part in _STORE.items():
                yield from _attempt(name, partial(part, self._store, self._config), failed)
            yield from self._of_history(failed)
            yield gauge(
                "exporter_failed",
                "1 for each part of the metrics that could not be read.",
                [({"part": name}, value) for name, value in failed.items()],
            )
            yield single("exporter_timestamp_seconds", "When these metrics were read.", time.time())
            yield single("exporter_duration_seconds", "How long reading took.", time.monotonic() - began)

    def _of_history(self, failed: dict[str, bool]) -> Iterator[GaugeMetricFamily]:
        """Yield what the history has, unless it does not answer in time. Then a later scrape asks again."""
        failed |= dict.fromkeys(_HISTORY, True)
        if self._reading is None or not self._reading.is_alive():
            self._reading = _Reading(self._open_history)
            self._reading.start()
        self._reading.join(self._history_seconds)
        if self._reading.is_alive():
            logs.logger.error("exporter: Dagster's run history did not answer within %g s", self._history_seconds)
            return
        failed |= self._reading.failed
        yield from self._reading.families


class _Reading(threading.Thread):
    """Reads the history once. A database that is away can keep it waiting for longer than a scrape may take."""

    def __init__(self, open_history: OpenHistory) -> None:
        super().__init__(name="history", daemon=True)
        self._open_history = open_history
        self.families: list[GaugeMetricFamily] = []
        self.failed: dict[str, bool] = {}

    def run(self) -> None:
        try:
            with self._open_history() as instance:
                for name, part in _HISTORY.items():
                    self.families += _attempt(name, partial(part, instance), self.failed)
        except Exception as error:  # noqa: BLE001 -- as in `_attempt`
            _log("history", error)
            self.failed = dict.fromkeys(_HISTORY, True)


def _attempt(
    name: str, part: Callable[[], Iterator[GaugeMetricFamily]], failed: dict[str, bool]
) -> list[GaugeMetricFamily]:
    """Return the families of a part, or none if it cannot be read; note which."""
    failed[name] = False
    try:
        return list(part())
    except Exception as error:  # noqa: BLE001 -- neither damage nor a bug in one part may hide the others
        _log(name, error)
        failed[name] = True
        return []


def _log(part: str, error: Exception) -> None:
    """Log why a part is missing. The text of a bug is left out, because it may quote a patient's value."""
    known = machine.refusal(error)
    reason = known.what if known else f"unexpected {type(error).__name__}, a bug in wdbc"
    logs.logger.error("exporter: %s: %s", part, reason)
