"""The script of the year: what goes wrong, how that shows, and what a person does then.

Each event is injected in a week. `look` reads what the platform says, as a person on call does.

This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.data import contract
from wdbc_assets.rehearsal.event import Event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wdbc_assets.rehearsal.year import Observed, Year

_AT = {name: column for column, name in enumerate(contract.FEATURES)}


def _columns(*measurements: str) -> list[int]:
    """Return the columns of measurements in all three statistics."""
    return [column for name, column in _AT.items() if name.rpartition("_")[0] in measurements]


class WrongFile(Event):
    """A file whose measurements are in another unit; once that was found, the hospital sends it again.

    Attributes:
        factors: What the measurements are multiplied by.
    """

    factors: Mapping[str, float] = MappingProxyType({})

    def measured(self, X: np.ndarray, week: int) -> np.ndarray:
        return _scaled(X, self.factors) if week == self.week else X

    def _send_again(self, year: Year, week: int, *, kept_safe: str) -> None:
        self.kept_safe, self.repaired = kept_safe, week + 1
        year.send_again()


class WrongUnit(WrongFile):
    """One measurement is in another unit than the others: the contract refuses the file."""

    name = "one unit wrong"
    what = "the radius alone is sent in cm instead of mm"
    factors = MappingProxyType({"radius": 0.1})

    def look(self, year: Year, seen: Observed) -> None:
        if seen.week == self.week and seen.failures and self.found is None:
            self._find(seen.week, f"contract: {seen.failures[0]}")
            self._send_again(year, seen.week, kept_safe="no patient of the file was scored")


class ConsistentUnits(WrongFile):
    """The file is consistent in other units: the contract cannot refuse it, the drift report sees it."""

    name = "all units changed"
    what = "radius, perimeter and area are sent in cm"
    factors = MappingProxyType({"radius": 0.1, "perimeter": 0.1, "area": 0.01})
    spoils_predictions = True
    moves = frozenset(contract.FEATURES[column] for column in _columns(*factors))

    def look(self, year: Year, seen: Observed) -> None:
        if seen.week == self.week and self.found is None and self._find_drift(seen):
            self._send_again(year, seen.week, kept_safe="the file was sent again within the week")


class ChannelDown(Event):
    """The receiver of the alerts is out of order for a week."""

    name = "alert channel down"
    what = "the receiver of alerts answers 503"

    def begin(self, year: Year, week: int) -> None:
        if week == self.week:
            year.receiver.is_down = True
        elif year.receiver.is_down:
            year.receiver.is_down = False
            self.repaired = week

    def look(self, year: Year, seen: Observed) -> None:
        if seen.waiting and self.found is None and self.is_active(seen.week):
            self._find(seen.week, f"`wdbc alerts`: {seen.waiting} message{'s' * (seen.waiting > 1)} waiting")
        if self.repaired is not None and not self.kept_safe and not seen.waiting:
            self.kept_safe = "every message arrived later, once"


class InstrumentDrift(Event):
    """An instrument whose texture rises by two percent a week, until a person recalibrates it."""

    name = "instrument drifts"
    what = "texture rises by 2 % a week"
    spoils_predictions = True
    moves = frozenset(contract.FEATURES[column] for column in _columns("texture"))

    def measured(self, X: np.ndarray, week: int) -> np.ndarray:
        return _scaled(X, {"texture": 1 + 0.02 * (week - self.week + 1)}) if self.is_active(week) else X

    def look(self, year: Year, seen: Observed) -> None:
        if self.is_active(seen.week) and self.found is None and self._find_drift(seen):
            self.repaired = seen.week + 2


class WrongLabels(Event):
    """Malignant patients are recorded as benign, until a person compares the records and sends corrections."""

    name = "labels go wrong"
    what = "12 % of malignant diagnoses arrive as benign"
    spoils_predictions = True
    _share = 0.12

    def __init__(self, week: int) -> None:
        super().__init__(week)
        self._wrong: dict[str, int] = {}

    def recorded(self, diagnoses: dict[str, int], week: int) -> dict[str, int]:
        if not self.is_active(week):
            corrections, self._wrong = self._wrong, {}
            return diagnoses | corrections
        malignant = [patient for patient, diagnosis in diagnoses.items() if diagnosis == contract.MALIGNANT]
        chosen = malignant[:: round(1 / self._share)]
        self._wrong |= dict.fromkeys(chosen, contract.MALIGNANT)
        return diagnoses | dict.fromkeys(chosen, contract.BENIGN)

    def look(self, year: Year, seen: Observed) -> None:
        if self.is_active(seen.week) and self.found is None and seen.live is not None and seen.live.verdict == "alarm":
            shown = ", ".join(f"{shift.stream} z = {shift.z:+.1f}" for shift in seen.live.scan.alarms[:1])
            self._find(seen.week, f"live metrics: {shown or 'evidence against the recall'}")
            self.repaired = seen.week + 2


class StoreUnreachable(Event):
    """The store cannot be reached for a week."""

    name = "store away"
    what = "the folder of the store cannot be reached"

    def begin(self, year: Year, week: int) -> None:
        away = year.platform.results.with_name("results-away")
        if week == self.week:
            year.platform.results.rename(away)
            year.platform.results.symlink_to("unreachable")  # as a network folder that is not there
        elif away.exists():
            year.platform.results.unlink()
            away.rename(year.platform.results)
            self.repaired = week

    def look(self, year: Year, seen: Observed) -> None:
        if seen.week == self.week and seen.failures:
            self._find(seen.week, f"sensor: {seen.failures[0]}")
            if not year.service.unanswered:
                self.kept_safe = "the service answered every request; the batch was taken up later"


def _scaled(X: np.ndarray, factors: Mapping[str, float]) -> np.ndarray:
    """Return measurements of which some are multiplied, in all three statistics."""
    changed = X.copy()
    for measurement, factor in factors.items():
        changed[:, _columns(measurement)] *= factor
    return changed


class PrevalenceRises(Event):
    """More of the patients are malignant, because the hospital has become a centre."""

    name = "prevalence rises"
    what = "55 % of the patients are malignant instead of 37 %"
    spoils_predictions = True
    moves = frozenset({*contract.FEATURES, "log_odds", "distance"})

    def __init__(self, week: int) -> None:
        super().__init__(week)
        self._named = False

    def prevalence(self, week: int) -> float | None:
        return 0.55 if self.week <= week else None

    def look(self, year: Year, seen: Observed) -> None:
        if not self.is_active(seen.week):
            return
        if self.found is None:
            self._find_drift(seen)
        elif not self._named and seen.drift is not None and seen.drift.cause == "prevalence":
            self._named = True
            self.by += f"; from week {seen.week} with the cause prevalence"
            reason = "the hospital has become a centre: more of its patients are malignant"
            year.platform.command("monitor", "rebase", "--reason", reason)
            self.kept_safe = "a person accepted the new patients as the reference"


class BadCandidate(Event):
    """A model that was trained with wrong diagnoses asks for promotion."""

    name = "bad challenger"
    what = "a model of a table with 20 % of its diagnoses exchanged"

    def begin(self, year: Year, week: int) -> None:
        if week == self.week:
            year.train_badly()
            refused = year.platform.command("promote", expect=[0, 3])
            if refused.code:
                self._find(week, f"gate: {_line_with(refused.text, 'verdict:')}")
                self.repaired, self.kept_safe = week, "the champion stayed"


class ForcedModel(Event):
    """A person promotes the model of `BadCandidate` by force, in the same week, against the verdict of the gate."""

    name = "bad model forced"
    what = "the same model, promoted with --force"
    spoils_predictions = True
    moves = frozenset({"log_odds"})

    def __init__(self, week: int) -> None:
        super().__init__(week)
        self._version = ""

    def begin(self, year: Year, week: int) -> None:
        if week == self.week:
            year.platform.command("promote", "--force", "--reason", "the new table must be better")
            self._version = year.platform.champion()
            year.train_well()

    def look(self, year: Year, seen: Observed) -> None:
        if self.is_active(seen.week) and self.found is None and seen.champion != self._version:
            last = year.platform.decisions()[-1]
            self._find(seen.week, f"{last.actor}: {last.reason}")
            self.repaired = seen.week


def _line_with(text: str, start: str) -> str:
    """Return what follows `start` in the first line that begins with it."""
    lines = (line.strip() for line in text.splitlines())
    return next((line.removeprefix(start).strip() for line in lines if line.startswith(start)), "refused")


def script() -> tuple[Event, ...]:
    """Return the events of the year, in order."""
    return (
        WrongUnit(5),
        ConsistentUnits(8),
        ChannelDown(8),
        InstrumentDrift(14),
        WrongLabels(22),
        StoreUnreachable(29),
        BadCandidate(32),
        ForcedModel(32),
        PrevalenceRises(42),
    )
