"""What a person must know of the guard of the champion: what it has done, and what it leaves to a person."""

from collections.abc import Iterator

from wdbc_assets import clock, settings
from wdbc_assets.domain import formatting
from wdbc_assets.monitoring.alerts.causes import Occurrence
from wdbc_assets.registry import audit_log, guard, referral
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.registry.standings import Standing
from wdbc_assets.store.paths import CHAMPION
from wdbc_assets.store.store import Store


def occurrences(store: Store, config: settings.Settings) -> Iterator[Occurrence]:
    """Yield that everyone is referred, that the guard has rolled back, and a rollback that is left to a person."""
    standing = open_registry(store).standing()
    if (referred := referral.current(standing.history)) is not None:
        yield Occurrence(
            cause="refer-everyone",
            subject=CHAMPION,
            text=str(referred),
            version=referred.since,
            since=clock.time_of(referred.since),
        )
    entry = standing.since
    if entry is not None and entry.action == audit_log.ROLLED_BACK and entry.actor == guard.ACTOR:
        yield Occurrence(
            cause="rolled-back",
            subject=CHAMPION,
            text=f"{formatting.short(entry.after)} is in production again: {entry.reason}",
            version=entry.digest,
            since=clock.time_of(entry.at),
        )
    yield from _due(store, standing, config)


def _due(store: Store, standing: Standing, config: settings.Settings) -> Iterator[Occurrence]:
    found = guard.assess(store, standing)
    if found.wanted != "rollback" or found.evidence is None:
        return
    mode = config.auto_rollback
    reason = found.obstacle or (
        f"{settings.variable('auto_rollback')} is off" if mode == "off" else "it was not possible, or not yet"
    )
    text = f"{guard.describe(found.evidence)}; it is left to a person: {reason}"
    yield Occurrence(cause="rollback-due", subject=CHAMPION, text=text, version=found.evidence.champion)
