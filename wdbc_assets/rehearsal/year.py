"""A year of the rehearsal: what happens in each week, and what the platform says of it.

This module imports numpy and pandas, so callers import it inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wdbc_assets import clock
from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.rehearsal.hospital import MEASUREMENTS, Cohort, Hospital

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd

    from wdbc_assets.domain.monitoring.drift import DriftReport, StreamDrift
    from wdbc_assets.domain.monitoring.live import LiveMetrics
    from wdbc_assets.rehearsal.event import Event
    from wdbc_assets.rehearsal.platform import Platform
    from wdbc_assets.rehearsal.receiver import Receiver
    from wdbc_assets.rehearsal.service import Answer, Service

_REQUEST_ROWS = 38
"""Patients of each request to the service: three requests a week."""

_EXCHANGED = 5
"""Every fifth diagnosis of the bad table is exchanged."""

_REFER = "refer"


@dataclass(frozen=True)
class Observed:
    """What the platform says at the end of a week, and what only the rehearsal knows: the wrong answers.

    Attributes:
        week: The number of the week.
        failures: Why runs on incoming batches failed.
        drift: The drift report of the week's batch, if there is one.
        new_alarms: The streams in alarm that were not in alarm before.
        live: The live metrics.
        waiting: Alerts that wait until the receiver takes them.
        champion: The version in production.
        patients: The patients that were scored.
        wrong: The patients of them whose answer was definite, and wrong.
        referred: The patients of them that were referred to a person.
    """

    week: int
    failures: tuple[str, ...]
    drift: DriftReport | None
    new_alarms: tuple[StreamDrift, ...]
    live: LiveMetrics | None
    waiting: int
    champion: str
    patients: int
    wrong: int
    referred: int


@dataclass
class _WeekAnswers:
    """What the batches of a week were answered."""

    patients: int = 0
    wrong: int = 0
    referred: int = 0


@dataclass
class Year:
    """The hospital, the platform and the events, week by week.

    Attributes:
        decided: The number of decisions about the champion before the first week.
        weeks: What was observed so far.
        alarms: In which week each stream of the drift scan was first in alarm.
    """

    platform: Platform
    service: Service
    receiver: Receiver
    hospital: Hospital
    events: Sequence[Event]
    folder: Path
    clean_frame: pd.DataFrame
    decided: int
    weeks: list[Observed] = field(default_factory=list)
    alarms: dict[tuple[str, str], int] = field(default_factory=dict)
    _cohort: Cohort | None = None
    _keys: list[str] = field(default_factory=list)
    _in_alarm: frozenset[tuple[str, str]] = frozenset()
    _answers: list[Answer | None] = field(default_factory=list)

    def play(self, weeks: int) -> Iterator[Observed]:
        """Play the weeks one after another, and yield what was observed in each; then await the last alerts."""
        for week in range(1, weeks + 1):
            seen = self._week(week)
            self.weeks.append(seen)
            yield seen
        self.receiver.is_down = False
        self.platform.deliver_alerts()

    def send_again(self) -> None:
        """Let the hospital send the file of this week once more, without a fault."""
        assert self._cohort is not None  # noqa: S101 -- the week has begun
        self._receive(self._cohort.X, name="corrected")
        self.platform.take_up()

    def train_badly(self) -> None:
        """Train on a table in which some of the diagnoses are exchanged."""
        table = self.clean_frame.copy()
        table.loc[::_EXCHANGED, contract.DIAGNOSIS] ^= 1
        table[contract.DIAGNOSIS] = table[contract.DIAGNOSIS].map({contract.MALIGNANT: "M", contract.BENIGN: "B"})
        if contract.ID not in table:
            table.insert(0, contract.ID, range(1, len(table) + 1))
        path = self.folder / "bad-table.csv"
        table[[contract.ID, contract.DIAGNOSIS, *MEASUREMENTS]].to_csv(path, index=False, header=False)
        self.platform.command("run", "--source", str(path))

    def train_well(self) -> None:
        """Train on the table of the first champion once more."""
        self.platform.command("run", "--source", self.platform.source)

    def _week(self, week: int) -> Observed:
        clock.set_time(self.folder / "clock", self.hospital.time(week))
        for event in self.events:
            event.begin(self, week)
        self._keys = []
        failures = self._patients(week)
        self._diagnoses(week)
        if self.platform.results.is_dir():
            self.platform.retrain_if_wanted()
        self.platform.look_for_problems()
        seen = self._observe(week, failures)
        for event in self.events:
            event.look(self, seen)
        self._end_referral(seen)
        return self._observe(week, failures) if len(self._keys) > 1 else seen

    def _end_referral(self, seen: Observed) -> None:
        """Do what a person does once the outcomes agree with the predictions again: end that everyone is referred."""
        agree = seen.live is not None and seen.live.verdict == "no alarm"
        if agree and self.platform.refers_everyone():
            self.platform.command("refer-all", "off", "--reason", "the outcomes agree with the predictions again")

    def _patients(self, week: int) -> list[str]:
        prevalence = next(filter(None, (event.prevalence(week) for event in self.events)), None)
        self._cohort = self.hospital.cohort(week, prevalence=prevalence)
        X = self._cohort.X
        for event in self.events:
            X = event.measured(X, week)
        try:
            self._receive(X, name="patients")
        except WdbcError as error:
            failures = [error]
        else:
            failures = self.platform.take_up()
        self._answers = [
            self.service.ask(X[start : start + _REQUEST_ROWS], MEASUREMENTS)
            for start in range(0, len(X), _REQUEST_ROWS)
        ]
        return [error.what for error in failures]

    def _receive(self, X: np.ndarray, *, name: str) -> None:
        assert self._cohort is not None  # noqa: S101 -- the week has begun
        path = self.hospital.write_patients(self._cohort, X, self.folder / f"{name}-{self._cohort.week:02}.csv")
        self._keys.append(self.platform.receive(path))
        path.unlink()

    def _diagnoses(self, week: int) -> None:
        diagnoses = self.hospital.known(week)
        for event in self.events:
            diagnoses = event.recorded(diagnoses, week)
        if diagnoses:
            path = self.hospital.write_diagnoses(diagnoses, week, self.folder / "diagnoses.csv")
            self.platform.command("outcomes", "add", str(path), expect=[0, 1])
            path.unlink()

    def _observe(self, week: int, failures: Sequence[str]) -> Observed:
        reachable = self.platform.results.is_dir()
        drift = self.platform.drift(self._keys[-1]) if reachable and self._keys else None
        scored = self._scored() if reachable else _WeekAnswers()
        return Observed(
            week=week,
            failures=tuple(failures),
            drift=drift,
            new_alarms=self._new_alarms(week, drift),
            live=self.platform.live() if reachable else None,
            waiting=self.platform.waiting_alerts(),
            champion=self.platform.champion() if reachable else self.weeks[-1].champion,
            patients=scored.patients,
            wrong=scored.wrong,
            referred=scored.referred,
        )

    def _new_alarms(self, week: int, drift: DriftReport | None) -> tuple[StreamDrift, ...]:
        if drift is None:
            return ()
        new = tuple(alarm for alarm in drift.alarms if (alarm.quantity, alarm.aspect) not in self._in_alarm)
        self._in_alarm = frozenset((alarm.quantity, alarm.aspect) for alarm in drift.alarms)
        for alarm in new:
            self.alarms.setdefault((alarm.quantity, alarm.aspect), week)
        return new

    def _scored(self) -> _WeekAnswers:
        """Compare the answers to this week's batches with the truth."""
        total = _WeekAnswers()
        truth = self.platform.pseudonyms(self._cohort.truth()) if self._cohort else {}
        for key in self._keys:
            table = self.platform.predictions(key)
            if table is None:
                continue
            diagnoses = table["id"].map(truth)
            definite = table["triage"] != _REFER
            wrong = definite & ((table["triage"] == "malignant") != (diagnoses == contract.MALIGNANT))
            total.patients += len(table)
            total.wrong += int(wrong.sum())
            total.referred += int((~definite).sum())
        return total
