"""The guard of the champion at the end of a look at the outcomes: by `wdbc live`, `wdbc outcomes add` and the sensor.

What it decides is in `registry.guard`. Here its decision is recorded in Dagster's history too.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wdbc_assets import logs, settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.registry import guard
from wdbc_assets.registry.audit_log import Entry
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    from wdbc_assets.monitoring.alerts.detectors import OpenHistory

OFF = "off"


@dataclass(frozen=True)
class GuardResult:
    """What the guard did.

    Attributes:
        entry: The entry of its decision, if it made one.
        reason: Why it left something to a person; empty if nothing was called for or everything was done.
        error: Why it could not do what the evidence calls for.
    """

    entry: Entry | None = None
    reason: str = ""
    error: WdbcError | None = None


def act(store: Store, config: settings.Settings, open_history: "OpenHistory") -> GuardResult:
    """Do what the evidence of the live metrics calls for, if the guard is on. An error is part of the result."""
    if config.auto_rollback == OFF:
        return GuardResult()
    try:
        action = guard.act(store)
    except WdbcError as error:
        logs.logger.error("the guard of the champion failed: %s", error.what)
        return GuardResult(error=error)
    if action.entry is not None:
        logs.logger.warning("guard: %s: %s", action.entry.action, action.entry.reason)
        _record(store, action.entry, open_history)
    return GuardResult(action.entry, action.reason)


def _record(store: Store, entry: Entry, open_history: "OpenHistory") -> None:
    try:
        from wdbc_assets.orchestration import champion_events

        with open_history() as instance:
            champion_events.report(instance, store, entry)
    except Exception as error:  # noqa: BLE001 -- the registry's audit log counts; Dagster's history is a copy
        logs.logger.warning("decision made, but not recorded in Dagster's history: %s", type(error).__name__)
