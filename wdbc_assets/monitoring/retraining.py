"""What is known about the need of a retraining, read from the store and its audit log, without Dagster."""

from collections.abc import Iterator
from datetime import UTC, datetime

from wdbc_assets import clock, settings
from wdbc_assets.domain.monitoring.retraining import Alarm, Facts, Limits, Need, assess
from wdbc_assets.monitoring import batch_keys
from wdbc_assets.pipeline import staleness
from wdbc_assets.registry import retraining
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.registry.standings import Standing
from wdbc_assets.store.store import Store


def need(store: Store, config: settings.Settings) -> Need:
    """Return whether a retraining is wanted now, and why or why not.

    Raises:
        NeverMade: there is no champion, or no outcomes were recorded.
        DamagedStore: what is needed to decide is damaged.
    """
    for asset in ("champion", "outcomes"):
        staleness.require_made(store, asset)
    limits = Limits(
        after_days=config.retrain_after_days,
        new_patients=config.retrain_new_patients,
        cooling_days=config.retrain_cooling_days,
        most_per_year=config.retrain_most_per_year,
    )
    return assess(facts(store, open_registry(store).standing()), limits)


def observation(standing: Standing) -> str:
    """Return the name of the situation: the champion, and the last retraining. A retraining changes it."""
    last = [entry.number for entry in retraining.entries(standing.history.entries)][-1:]
    return f"champion {str(standing.version)[:12]} after {f'entry {last[0]}' if last else 'no retraining'}"


def facts(store: Store, standing: Standing) -> Facts:
    """Return what the need of a retraining is decided from."""
    retrained = tuple(_time(entry.at) for entry in retraining.entries(standing.history.entries))
    return Facts(
        now=clock.now(),
        retrained=retrained,
        promoted=_time(standing.since.at) if standing.since else None,
        alarms=tuple(_alarms(store)),
        new_patients=_new_patients(store, max(retrained, default=None)),
    )


def _alarms(store: Store) -> Iterator[Alarm]:
    """Yield drift in the latest batch, and live metrics in alarm."""
    drift, live = staleness.latest(store, "drift_report"), store.current("live_metrics")
    if drift is not None and drift.partition and not all(check.passed for check in drift.checks):
        yield Alarm(f"drift of batch {drift.partition}", batch_keys.arrival(drift.partition))
    if live is not None and not all(check.passed for check in live.checks):
        yield Alarm("live metrics", _time(store.document(live, "live_metrics.json")["as_of"]))


def _new_patients(store: Store, since: datetime | None) -> int:
    """Return the number of patients whose diagnosis was first recorded after a time, or of all."""
    import pandas as pd

    events = store.handle("outcomes").load()
    first = pd.to_datetime(events.groupby("id")["recorded_at"].min(), utc=True, format="ISO8601")
    return len(first) if since is None else int((first > since).sum())


def _time(text: str) -> datetime:
    """Return a time of the store in UTC. One that cannot be read is long ago."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
