"""Tests of the evidence against a champion: which patients count, and what it says of two models."""

import numpy as np
import pandas as pd
import pytest

from wdbc_assets.domain.evaluation.log_odds import of_probabilities
from wdbc_assets.domain.monitoring import live, rollback_evidence, sequential
from wdbc_assets_tests.domain.monitoring.test_live import REFERENCE, events, predictions

GOOD, BAD = 0.9, 0.4
"""The probability that a model gives to the diagnosis of each patient."""


def batch(
    number: int,
    *,
    model: str = "new",
    previous: str = "old",
    count: int = 20,
    champion: float = BAD,
    shadow: float = GOOD,
) -> pd.DataFrame:
    """Return the predictions of a batch of patients, half of them malignant, by a champion and the model before it."""
    y = np.arange(count) % 2
    own, other = (np.where(y == 1, right, 1 - right) for right in (champion, shadow))
    return pd.DataFrame(
        {
            "id": [f"b{number}p{patient}" for patient in range(count)],
            "probability": own,
            "triage": "refer",
            "above_threshold": own >= 0.5,
            "log_odds": of_probabilities(own),
            "model": pd.Categorical([model] * count),
            "previous_version": pd.Categorical([previous] * count),
            "previous_probability": other if previous else np.full(count, np.nan),
            "predicted_at": f"2026-06-{number:02}T00:00:00+00:00",
        }
    )


def evidence(*batches: pd.DataFrame) -> rollback_evidence.RollbackEvidence:
    """Return the evidence once the diagnosis of each patient is known."""
    together = pd.concat(batches, ignore_index=True)
    known = [(name, int(name.rpartition("p")[2]) % 2, "07-01", "07-02") for name in together["id"]]
    found = live.evaluate(together, events(known), REFERENCE).rollback
    assert found is not None
    return found


def test_a_champion_that_is_worse_collects_evidence_until_it_is_reached() -> None:
    few, many = evidence(batch(1, count=4)), evidence(batch(1), batch(2), batch(3))
    assert (few.champion, few.previous, few.patients, few.is_reached) == ("new", "old", 4, False)
    assert few.since == "2026-06-01T00:00:00+00:00"
    assert (many.patients, many.is_reached) == (60, True)
    assert many.threshold == sequential.ROLLBACK


def test_the_evidence_is_that_of_the_sequential_test_in_the_order_known() -> None:
    table = batch(1)
    y = np.arange(20) % 2
    expected = sequential.rollback(table["probability"], table["previous_probability"], y)[-1]
    assert evidence(table).evidence == pytest.approx(expected)


def test_a_better_or_equal_champion_never_collects_evidence() -> None:
    assert evidence(batch(1, champion=GOOD, shadow=BAD), batch(2, champion=GOOD, shadow=BAD)).evidence == 1.0
    assert evidence(batch(1, champion=GOOD, shadow=GOOD)).evidence == 1.0


def test_patients_of_an_earlier_champion_do_not_count() -> None:
    found = evidence(batch(1, model="old", previous="older"), batch(2))
    assert (found.patients, found.since) == (20, "2026-06-02T00:00:00+00:00")


def test_a_champion_that_returns_begins_again() -> None:
    found = evidence(batch(1), batch(2, model="other"), batch(3, count=6))
    assert (found.champion, found.patients) == ("new", 6)


def test_a_batch_that_the_previous_model_could_not_score_is_left_out() -> None:
    found = evidence(batch(1), batch(2, previous=""))
    assert (found.previous, found.patients) == ("old", 20)


def test_another_model_before_the_champion_is_another_comparison() -> None:
    found = evidence(batch(1), batch(2, previous="older", count=6))
    assert (found.previous, found.patients) == ("older", 6)


def test_without_a_previous_model_there_is_no_evidence() -> None:
    found = evidence(batch(1, previous=""))
    assert (found.previous, found.patients, found.evidence, found.is_reached) == ("", 0, 1.0, False)


def test_predictions_of_an_earlier_release_count_as_without_a_previous_model() -> None:
    older = batch(1).drop(columns=["previous_version", "previous_probability"])
    assert evidence(rollback_evidence.with_columns(older), batch(2, count=6)).patients == 6


def test_a_recalibrated_champion_is_compared_as_it_was_fitted() -> None:
    recalibrated = batch(1, champion=GOOD).assign(probability=0.01)
    assert evidence(recalibrated).evidence < 2


def test_an_alarm_about_an_earlier_champion_is_none_about_the_present_one() -> None:
    wrong = [batch(number, model="old", previous="", champion=0.01) for number in range(1, 6)]
    together = pd.concat([*wrong, batch(6, champion=GOOD)], ignore_index=True)
    known = [(name, int(name.rpartition("p")[2]) % 2, f"07-0{name[1]}", "07-08") for name in together["id"]]
    found = live.evaluate(together, events(known), REFERENCE)
    assert found.verdict == "alarm"
    assert found.rollback is not None
    assert not found.rollback.in_alarm


def test_one_patient_gives_evidence_without_any_class_of_the_other_kind() -> None:
    assert evidence(predictions(1).assign(id="b1p1", previous_version="old", previous_probability=0.5)).patients == 1


def test_predictions_of_the_service_take_no_part_whichever_model_made_them() -> None:
    served = batch(9, model="challenger").drop(columns=["log_odds", "previous_version", "previous_probability"])
    completed = rollback_evidence.with_columns(served)
    assert evidence(batch(1), completed) == evidence(batch(1))
    assert live.evaluate(completed, live.no_events(), REFERENCE).rollback is None
