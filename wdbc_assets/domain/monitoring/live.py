"""Live metrics: how good the predictions were, from the diagnoses that became known later.

An outcome is an event with two times. `known_at` is when the diagnosis became known, `recorded_at` when it reached this
platform. Events are never changed; a correction is a later event of the same patient. So the metrics can be computed
as of any time from what was recorded until then. Source of the two times: R. T. Snodgrass (1999), Developing
Time-Oriented Database Applications in SQL, chapter 10.

Patients whose outcome is known are not a random sample: a referred patient is examined further and becomes known more
often, and sooner. `arrived` states the shares by triage; the metrics are those of the patients that arrived.

This module imports numpy and pandas, so callers import it inside functions.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.evaluation import bootstrap, delong, intervals, log_odds, ranking
from wdbc_assets.domain.evaluation.intervals import Interval
from wdbc_assets.domain.monitoring import outcome_scan, rollback_evidence, sequential
from wdbc_assets.domain.monitoring.outcome_events import Delivery
from wdbc_assets.domain.monitoring.outcome_scan import OutcomeScan, OutcomeSums
from wdbc_assets.domain.monitoring.rollback_evidence import RollbackEvidence

EVENT_COLUMNS = ("id", "diagnosis", "known_at", "recorded_at")
"""The columns of the events: pseudonym, diagnosis (1 = malignant), and two times in UTC, ISO 8601."""

_KINDS = {"diagnosis": "int64"}

ONE_CLASS = "patients of one class only have a known outcome"
_RESAMPLES, _SEED = 1000, 42
_MONDAY = pd.Timestamp("1970-01-05", tz="UTC")

LiveVerdict = Literal["alarm", "no alarm", "too few to say"]


@dataclass(frozen=True)
class Arrival:
    """How many of the patients with one outcome of the triage have a known diagnosis."""

    triage: str
    predictions: int
    known: int


@dataclass(frozen=True)
class RecallEvidence:
    """The e-process against a recall of at least 0.95, see `sequential.recall`.

    Attributes:
        malignant: The number of malignant patients with a known outcome.
        largest: The largest evidence so far; 1 before the first patient.
        alarm: The evidence at which the recall is in alarm.
    """

    malignant: int
    largest: float
    alarm: float

    @property
    def in_alarm(self) -> bool:
        """Whether the recall is in alarm."""
        return self.largest >= self.alarm


@dataclass(frozen=True)
class LiveMetrics:
    """What the known outcomes say of the predictions.

    Attributes:
        as_of: When the last event was recorded that these metrics know; empty without events.
        predictions: The number of patients with a prediction.
        known: How many of them have a known outcome.
        unknown_patients: Patients with an outcome but without a prediction. They count once it exists.
        before_prediction: Known outcomes that were known on a day before the prediction, in UTC.
        corrected: Patients whose diagnosis was corrected by a later event.
        contradictory: Patients with different diagnoses recorded at the same time. They do not count until corrected.
        arrived: The known outcomes by triage.
        metrics: Metrics with their intervals by name, at the threshold of the policy where they need one.
        scan: The scan of the calibration over the weeks in which outcomes became known.
        recall_evidence: The evidence that the recall is too low.
        weeks: The number of weeks from the first known outcome to the last.
        rollback: The evidence that the champion is worse than the model before it; None without batches.
    """

    as_of: str
    predictions: int
    known: int
    unknown_patients: int
    before_prediction: int
    corrected: int
    contradictory: int
    arrived: tuple[Arrival, ...]
    metrics: dict[str, Interval]
    scan: OutcomeScan
    recall_evidence: RecallEvidence
    weeks: int
    rollback: RollbackEvidence | None = None

    @property
    def verdict(self) -> LiveVerdict:
        """Whether the scan or the recall is in alarm."""
        if self.scan.alarms or self.recall_evidence.in_alarm:
            return "alarm"
        return "no alarm" if self.scan.shifts else "too few to say"


@dataclass(frozen=True)
class Diagnoses:
    """The current diagnosis of each patient, and what the events say about corrections.

    `table` has id, diagnosis, and known_at.
    """

    table: pd.DataFrame
    corrected: int
    contradictory: int


def evaluate(predictions: pd.DataFrame, events: pd.DataFrame, reference: OutcomeSums) -> LiveMetrics:
    """Return what the events say of the predictions.

    Args:
        predictions: One row per prediction, in the order in which they were made: id, probability, triage,
            above_threshold, log_odds, model, previous_version, previous_probability, predicted_at (UTC, ISO 8601). Of
            several predictions of a patient the last one counts.
        events: The outcomes, with `EVENT_COLUMNS`, in the order in which they were recorded.
        reference: The sums of the out-of-fold predictions of the model's recipe.
    """
    own = rollback_evidence.by_current_champion(predictions)
    latest = _latest(predictions)
    diagnoses = current_diagnoses(events)
    arrived = latest & predictions["id"].isin(diagnoses.table["id"])  # few of all: only these are joined
    joined = predictions[arrived].assign(own=own[arrived]).merge(diagnoses.table, on="id", validate="one_to_one")
    joined = joined.sort_values(["known_at", "id"], kind="stable", ignore_index=True)
    weeks = _weeks(joined)
    champions = joined[joined["own"]]
    scan, recall = outcome_scan.scan_outcomes(reference, _weeks(champions)), _recall(champions)
    alarm = bool(scan.alarms) or recall.in_alarm
    return LiveMetrics(
        as_of=max(events["recorded_at"], default=""),
        predictions=int(latest.sum()),
        known=len(joined),
        unknown_patients=len(diagnoses.table) - len(joined),
        before_prediction=int((joined["known_at"].str[:10] < joined["predicted_at"].str[:10]).sum()),
        corrected=diagnoses.corrected,
        contradictory=diagnoses.contradictory,
        arrived=tuple(
            Arrival(name, int((latest & (predictions["triage"] == name)).sum()), int((joined["triage"] == name).sum()))
            for name in contract.OUTCOMES
        ),
        metrics=_metrics(joined),
        scan=outcome_scan.scan_outcomes(reference, weeks),
        recall_evidence=_recall(joined),
        weeks=len(weeks),
        rollback=rollback_evidence.evaluate(predictions[own], champions, in_alarm=alarm) if own.any() else None,
    )


def _latest(predictions: pd.DataFrame) -> "pd.Series[bool]":
    """Return which predictions are the last ones of their patients. Numbers take less memory than the texts of ids."""
    numbers = pd.Series(predictions["id"].factorize()[0], index=predictions.index)
    return (predictions["id"] != "") & ~numbers.duplicated(keep="last")


def current_diagnoses(events: pd.DataFrame) -> Diagnoses:
    """Return what is known of each patient by now: the last event counts, which may also correct a time.

    Different diagnoses that were recorded at the same time contradict each other, and none counts.
    """
    last = _last_events(events)
    contradict = last["id"].isin(_differing(last))
    contradictory = last.loc[contradict, "id"].nunique()
    return Diagnoses(
        last[~contradict].drop_duplicates("id", keep="last")[["id", "diagnosis", "known_at"]],
        corrected=len(_differing(events)) - contradictory,
        contradictory=contradictory,
    )


def _last_events(events: pd.DataFrame) -> pd.DataFrame:
    """Return the events that were recorded last of each patient; several only if they contradict each other."""
    return events[events["recorded_at"] == events.groupby("id")["recorded_at"].transform("max")]


def _differing(events: pd.DataFrame) -> set[str]:
    """Return the patients whose events have different diagnoses."""
    pairs = events[["id", "diagnosis"]].drop_duplicates()
    return set(pairs.loc[pairs["id"].duplicated(), "id"])


def _recall(joined: pd.DataFrame) -> RecallEvidence:
    found = joined.loc[joined["diagnosis"] == contract.MALIGNANT, "above_threshold"]
    evidence = sequential.recall(found.to_numpy())
    return RecallEvidence(len(found), float(evidence.max(initial=1.0)), sequential.RECALL_ALARM)


def _weeks(joined: pd.DataFrame) -> list[OutcomeSums]:
    """Return the sums of each week in which outcomes became known, from the first to the last, oldest first."""
    if joined.empty:
        return []
    week = (pd.to_datetime(joined["known_at"], utc=True, format="ISO8601") - _MONDAY).dt.days // 7
    y, p = joined["diagnosis"].to_numpy(), joined["probability"].to_numpy()
    scores = log_odds.of_probabilities(p)
    numbers = range(week.min(), week.max() + 1)
    return [outcome_scan.sums(y[week == number], scores[week == number]) for number in numbers]


def _metrics(joined: pd.DataFrame) -> dict[str, Interval]:
    y, p = joined["diagnosis"].to_numpy(dtype=np.int64), joined["probability"].to_numpy(dtype=np.float64)
    malignant, above = y == contract.MALIGNANT, joined["above_threshold"].to_numpy(dtype=bool)
    agree = malignant == above

    def share(of: np.ndarray) -> Interval:
        return intervals.proportion(int((agree & of).sum()), int(of.sum()), undefined="there is no such patient")

    found = {
        "recall": share(malignant),
        "specificity": share(~malignant),
        "ppv": share(above),
        "npv": share(~above),
    }
    if malignant.all() or not malignant.any():
        return found | {name: intervals.without(None, ONE_CLASS) for name in ("roc_auc", "log_loss", "brier")}
    losses = bootstrap.mean_losses(
        y, ranking.losses(y, p), largest=ranking.LARGEST_LOSS, bootstrap=_RESAMPLES, seed=_SEED
    )
    return found | {"roc_auc": delong.roc_auc(p[~malignant], p[malignant]), **losses}


def no_events() -> pd.DataFrame:
    """Return the table of events without any."""
    return pd.DataFrame({name: pd.Series(dtype=_KINDS.get(name, "str")) for name in EVENT_COLUMNS})


def recorded_since(events: pd.DataFrame, now: datetime, *, days: float | None) -> pd.DataFrame:
    """Return the events that were recorded within some days before now; all of them if `days` is None."""
    if days is None:
        return events
    limit = (now.astimezone(UTC) - timedelta(days=days)).isoformat(timespec="microseconds")
    return events[events["recorded_at"] >= limit].reset_index(drop=True)


def with_deliveries(events: pd.DataFrame, deliveries: Sequence[Delivery]) -> pd.DataFrame:
    """Return the events with those of deliveries added, except those that repeat what is known of the patient.

    An event is recorded after those of earlier deliveries, even if the clock was set back meanwhile: at the same time,
    a correction would contradict what it corrects.
    """
    latest = _last_events(events)
    undecided = _differing(latest)
    known = {row.id: (row.diagnosis, row.known_at) for row in latest.itertuples() if row.id not in undecided}
    recorded_at = max(events["recorded_at"], default="")
    added = []
    for delivery in deliveries:
        recorded_at = delivery.recorded_at if delivery.recorded_at > recorded_at else _just_after(recorded_at)
        pairs = {(outcome.patient, outcome.diagnosis) for outcome in delivery.outcomes}
        patients = Counter(patient for patient, _ in pairs)
        for outcome in delivery.outcomes:
            contradicted = patients[outcome.patient] > 1  # then all that the delivery says is recorded
            diagnosis = (outcome.diagnosis, outcome.known_at)
            if contradicted or known.get(outcome.patient) != diagnosis:
                added.append((outcome.patient, *diagnosis, recorded_at))
            if contradicted:
                known.pop(outcome.patient, None)
            else:
                known[outcome.patient] = diagnosis
    new = pd.DataFrame(added, columns=list(EVENT_COLUMNS)).astype(no_events().dtypes)
    return pd.concat([events, new.drop_duplicates()], ignore_index=True) if added else events


def _just_after(time: str) -> str:
    return (datetime.fromisoformat(time) + timedelta(microseconds=1)).isoformat(timespec="microseconds")
