"""What is known about the need of a retraining, read from the store and its audit log, without Dagster."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wdbc_assets import clock, settings
from wdbc_assets.domain import formatting
from wdbc_assets.domain.data import contract, incoming
from wdbc_assets.domain.data.labelled import LEAST_NEW
from wdbc_assets.domain.monitoring.retraining import Alarm, Facts, Limits, Need, assess
from wdbc_assets.pipeline import staleness
from wdbc_assets.registry import retraining
from wdbc_assets.registry.audit_log import Entry
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.registry.standings import Standing
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    from wdbc_assets.domain.data.incoming import IncomingBatch


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
    """Return what the need of a retraining is decided from.

    A time that cannot be read makes a retraining less likely, never more: a retraining counts as late as it can have
    been, and a promotion as one whose time is not known.
    """
    history = standing.history.entries
    retrained = tuple(_latest_time(entry, history) for entry in retraining.entries(history))
    new = _new_patients(store, max(retrained, default=None))
    return Facts(
        now=clock.now(),
        retrained=retrained,
        promoted=clock.time_of(standing.since.at) if standing.since else None,
        alarms=tuple(_alarms(store)),
        new_patients=new.usable,
        unusable=new.unusable,
    )


def _latest_time(entry: Entry, history: Sequence[Entry]) -> datetime:
    """Return when an entry was recorded. If that cannot be read, it was before the next entry, and before now."""
    times = (clock.time_of(later.at) for later in history if later.number >= entry.number and later.whole)
    return next(filter(None, times), clock.now())


def _alarms(store: Store) -> Iterator[Alarm]:
    """Yield drift in the latest batch, and live metrics in alarm.

    An alarm whose time cannot be read counts as older than the last retraining.
    """
    drift, live = staleness.latest(store, "drift_report"), store.current("live_metrics")
    if drift is not None and drift.partition and not all(check.passed for check in drift.checks):
        yield Alarm(f"drift of batch {drift.partition}", incoming.arrival(drift.partition))
    if live is not None and not all(check.passed for check in live.checks):
        at = clock.time_of(store.document(live, "live_metrics.json")["as_of"])
        yield Alarm("live metrics", at or datetime.fromtimestamp(0, UTC))


@dataclass(frozen=True)
class _NewPatients:
    """The number of patients with a new diagnosis who can be used, and why others cannot."""

    usable: int
    unusable: tuple[str, ...] = ()


def _new_patients(store: Store, since: datetime | None) -> _NewPatients:
    """Return the patients whose diagnosis was first recorded after a time, or all.

    If they are too few for a retraining in any case, no batch is read to find those who can be used.
    """
    import pandas as pd

    from wdbc_assets.domain.monitoring import live

    events = store.handle("outcomes").load()
    first = pd.to_datetime(events.groupby("id")["recorded_at"].min(), utc=True, format="ISO8601")
    new = set(first.index if since is None else first.index[first > since])
    if len(new) < LEAST_NEW:
        return _NewPatients(len(new))
    agreed = new & set(live.current_diagnoses(events).table["id"])
    gone = _in_no_batch(store, agreed)
    reasons = []
    if gone:
        removed = len(store.removed_partitions("incoming_batch"))
        causes = [
            "the id is unknown",
            "a rule set the patient aside",
            "the batch was not taken up yet",
            "or only the service scored the patient",
        ]
        if removed:
            batches = formatting.counted(removed, "batch was", "batches were")
            causes.insert(0, f"{batches} removed because of age ({settings.variable('keep_batches_days')})")
        subject = formatting.counted(gone, "new diagnosis is of a patient", "new diagnoses are of patients")
        reasons.append(f"{subject} in no stored batch; possible causes: {', '.join(causes)}")
    if len(agreed) < len(new):
        subject = formatting.counted(len(new) - len(agreed), "patient has", "patients have")
        reasons.append(f"{subject} contradictory diagnoses")
    return _NewPatients(len(agreed) - gone, tuple(reasons))


def _in_no_batch(store: Store, patients: set[str]) -> int:
    """Return how many patients are in no stored batch. The newest is read first: most of them are in the last ones."""
    missing = set(patients)
    for batch in reversed(store.partitions("incoming_batch")):
        if not missing:
            break
        value: IncomingBatch = store.handle("incoming_batch", partition=batch).load()
        for part in value.patients.parts([contract.ID]):
            missing.difference_update(part[contract.ID])
    return len(missing)
