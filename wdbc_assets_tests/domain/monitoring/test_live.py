"""Tests of the live metrics: which diagnosis counts, and what is said of those that do not."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from wdbc_assets.domain.monitoring import live, outcome_rules, outcome_scan, sequential
from wdbc_assets.domain.monitoring.outcome_events import Delivery, Outcome
from wdbc_assets.store import parsing

REFERENCE = outcome_scan.sums([0, 1] * 285, [-2.0, 2.0] * 285)


def predictions(count: int, *, seed: int = 0) -> pd.DataFrame:
    """Return calibrated predictions of patients p0, p1, ..., made on 1 June."""
    log_odds = np.random.default_rng(seed).normal(-1, 3, count)
    return pd.DataFrame(
        {
            "id": [f"p{number}" for number in range(count)],
            "probability": 1 / (1 + np.exp(-log_odds)),
            "triage": np.where(np.abs(log_odds) < 1, "refer", np.where(log_odds > 0, "malignant", "benign")),
            "above_threshold": log_odds > -1,
            "log_odds": log_odds,
            "model": "a-champion",
            "previous_version": "",
            "previous_probability": np.nan,
            "predicted_at": "2026-06-01T00:00:00+00:00",
        }
    )


def events(rows: Sequence[tuple[str, int, str, str]]) -> pd.DataFrame:
    """Return events: id, diagnosis, and the days of 2026 on which each was known and recorded."""
    days = [(name, y, f"2026-{known}T00:00:00+00:00", f"2026-{at}T00:00:00+00:00") for name, y, known, at in rows]
    return pd.DataFrame(days, columns=list(live.EVENT_COLUMNS)).astype({"diagnosis": "int64"})


def test_no_event_is_too_few_to_say_and_has_reasons_instead_of_metrics() -> None:
    found = live.evaluate(predictions(50), events([]), REFERENCE)
    assert (found.verdict, found.known, found.weeks, found.as_of) == ("too few to say", 0, 0, "")
    assert all(metric.value is None and metric.reason for metric in found.metrics.values())


def test_metrics_are_those_of_the_patients_with_a_known_outcome() -> None:
    made = predictions(200)
    known = [(f"p{number}", int(made["probability"][number] > 0.5), "06-20", "06-21") for number in range(100)]
    found = live.evaluate(made, events(known), REFERENCE)
    first = made[:100]
    malignant = first["probability"] > 0.5
    assert (found.predictions, found.known, found.unknown_patients) == (200, 100, 0)
    assert found.metrics["recall"].value == 1.0
    assert found.metrics["specificity"].value == pytest.approx((~first["above_threshold"])[~malignant].mean())
    assert found.metrics["brier"].value == pytest.approx(((first["probability"] - malignant) ** 2).mean())
    assert found.metrics["roc_auc"].value == 1.0
    assert sum(arrival.known for arrival in found.arrived) == 100
    assert {arrival.triage: arrival.known for arrival in found.arrived}["refer"] == (first["triage"] == "refer").sum()


def test_of_several_predictions_of_a_patient_the_last_one_counts_also_for_the_triage() -> None:
    first, again = predictions(3).assign(triage="benign"), predictions(2, seed=1).assign(triage="refer")
    unnamed = predictions(4).assign(id="")
    together = pd.concat([first, unnamed, again], ignore_index=True)
    found = live.evaluate(together, events([("p1", 1, "06-10", "06-11"), ("p9", 0, "06-10", "06-11")]), REFERENCE)
    assert (found.predictions, found.known, found.unknown_patients) == (3, 1, 1)
    counts = {arrival.triage: (arrival.predictions, arrival.known) for arrival in found.arrived}
    assert counts == {"benign": (1, 0), "refer": (2, 1), "malignant": (0, 0)}


def test_a_correction_replaces_the_diagnosis_and_when_it_became_known() -> None:
    recorded = events([("p1", 0, "06-10", "06-11"), ("p1", 1, "07-20", "07-21")])
    found = live.current_diagnoses(recorded)
    assert found.table.to_dict("records") == [{"id": "p1", "diagnosis": 1, "known_at": "2026-07-20T00:00:00+00:00"}]
    assert (found.corrected, found.contradictory) == (1, 0)
    before = recorded[recorded["recorded_at"] < "2026-07"]
    assert live.current_diagnoses(before).table["diagnosis"].tolist() == [0]
    earlier = events([("p1", 1, "06-10", "06-11"), ("p1", 1, "05-10", "06-12")])
    assert live.current_diagnoses(earlier).table["known_at"].tolist() == ["2026-05-10T00:00:00+00:00"]


def test_outcomes_that_contradict_each_other_do_not_count_until_corrected() -> None:
    rows = [("p1", 0, "06-10", "06-11"), ("p1", 1, "06-10", "06-11"), ("p2", 1, "06-10", "06-11")]
    found = live.evaluate(predictions(5), events(rows), REFERENCE)
    assert (found.known, found.contradictory, found.corrected) == (1, 1, 0)
    found = live.evaluate(predictions(5), events([*rows, ("p1", 1, "06-10", "06-12")]), REFERENCE)
    assert (found.known, found.contradictory, found.corrected) == (2, 0, 1)


@pytest.mark.parametrize("said", [0, 1])
@pytest.mark.parametrize("at_once", [True, False])
def test_either_diagnosis_of_a_contradiction_can_be_confirmed_later(said: int, at_once: bool) -> None:
    known = "2026-06-10T00:00:00+00:00"
    both = Delivery("2026-06-11T00:00:00+00:00", (Outcome("p1", 0, known), Outcome("p1", 1, known)))
    later = Delivery("2026-06-12T00:00:00+00:00", (Outcome("p1", said, known),))
    none = live.no_events()
    if at_once:
        recorded = live.with_deliveries(none, [both, later])
    else:
        recorded = live.with_deliveries(live.with_deliveries(none, [both]), [later])
    found = live.current_diagnoses(recorded)
    assert (found.table["diagnosis"].tolist(), found.contradictory) == ([said], 0)
    assert len(live.with_deliveries(recorded, [later])) == 3, "it is known by now"


def test_an_unknown_patient_and_an_early_outcome_are_counted_and_said() -> None:
    found = live.evaluate(
        predictions(5), events([("stranger", 1, "06-10", "06-11"), ("p1", 1, "05-01", "06-11")]), REFERENCE
    )
    assert (found.unknown_patients, found.known, found.before_prediction) == (1, 1, 1)
    later_that_day = predictions(5).assign(predicted_at="2026-05-01T09:00:00+00:00")
    same_day = live.evaluate(later_that_day, events([("p1", 1, "05-01", "06-11")]), REFERENCE)
    assert same_day.before_prediction == 0, "of a date without a time it is not known"


def test_patients_without_an_id_are_never_joined() -> None:
    made = predictions(3).assign(id="")
    assert live.evaluate(made, events([("", 1, "06-10", "06-11")]), REFERENCE).known == 0


def test_of_two_predictions_of_a_patient_the_last_one_counts() -> None:
    made = pd.concat([predictions(1), predictions(1).assign(above_threshold=True, probability=0.99)])
    found = live.evaluate(made, events([("p0", 1, "06-10", "06-11")]), REFERENCE)
    assert (found.predictions, found.metrics["recall"].value) == (1, 1.0)


def test_malignant_patients_who_are_missed_raise_an_alarm_of_the_recall() -> None:
    made = predictions(60).assign(above_threshold=[number % 3 > 0 for number in range(60)])
    found = live.evaluate(made, events([(f"p{n}", 1, "06-10", "06-11") for n in range(60)]), REFERENCE)
    assert found.verdict == "alarm"
    assert found.recall_evidence.largest > found.recall_evidence.alarm
    assert found.metrics["log_loss"].reason == live.ONE_CLASS


def test_the_alarm_of_the_recall_states_the_recall_that_it_is_about(monkeypatch: pytest.MonkeyPatch) -> None:
    made = predictions(60).assign(above_threshold=[number % 3 > 0 for number in range(60)])
    found = live.evaluate(made, events([(f"p{n}", 1, "06-10", "06-11") for n in range(60)]), REFERENCE)
    monkeypatch.setattr(sequential, "LEAST_RECALL", 0.875)
    assert outcome_rules.alarms(found)[-1].startswith("evidence against a recall of 0.875 is ")


def test_weeks_without_an_outcome_count_as_weeks() -> None:
    found = live.evaluate(predictions(5), events([("p1", 1, "06-01", "07-11"), ("p2", 0, "06-22", "07-11")]), REFERENCE)
    assert found.weeks == 4


def test_live_metrics_are_read_back_from_their_json() -> None:
    found = live.evaluate(predictions(200), events([(f"p{n}", n % 2, "06-10", "06-11") for n in range(80)]), REFERENCE)
    assert parsing.build(live.LiveMetrics, parsing.plain(found)) == found
