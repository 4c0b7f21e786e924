"""The synthetic hospital: patients that keep the contract, and diagnoses that become known later."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from wdbc_assets.domain.monitoring import outcome_events
from wdbc_assets.domain.rules import screening
from wdbc_assets.rehearsal.hospital import PATIENTS, Hospital
from wdbc_assets.scoring import incoming
from wdbc_assets_tests.domain import validation

START = datetime(2025, 1, 6, tzinfo=UTC)


def hospital(seed: int = 1) -> Hospital:
    return Hospital(validation.clean_frame(), start=START, seed=seed)


def test_the_patients_of_a_week_keep_the_contract() -> None:
    cohort = hospital().cohort(1, prevalence=None)
    assert len(cohort.ids) == len(set(cohort.ids)) == PATIENTS
    assert screening.faults(cohort.X) == []


def test_a_seed_gives_the_same_patients_and_another_seed_others() -> None:
    first, again, other = (hospital(seed).cohort(1, prevalence=None) for seed in (1, 1, 2))
    assert (first.X == again.X).all()
    assert not (first.X == other.X).any()


def test_the_prevalence_can_be_raised() -> None:
    made = hospital()
    usual = np.mean([made.cohort(week, prevalence=None).y.mean() for week in range(10)])
    raised = np.mean([made.cohort(week, prevalence=0.55).y.mean() for week in range(10)])
    assert usual < 0.42
    assert raised > 0.5


def test_most_diagnoses_become_known_one_to_three_weeks_later_each_once() -> None:
    made = hospital()
    cohort = made.cohort(1, prevalence=None)
    weeks = [made.known(week) for week in range(1, 6)]
    assert not weeks[0]
    assert not weeks[4]
    patients = [patient for known in weeks for patient in known]
    assert 90 < len(patients) == len(set(patients)) < PATIENTS
    assert all(made.truth[patient] == diagnosis for known in weeks for patient, diagnosis in known.items())
    assert set(patients) <= set(cohort.ids)


def test_its_files_are_a_batch_and_a_delivery_of_outcomes(tmp_path: Path) -> None:
    made = hospital()
    cohort = made.cohort(1, prevalence=None)
    batch = incoming.read(str(made.write_patients(cohort, cohort.X, tmp_path / "patients.csv")), pseudonym=str)
    assert np.allclose(batch.table.iloc[:, 1:].to_numpy(), cohort.X)
    path = made.write_diagnoses(made.known(2), 2, tmp_path / "diagnoses.csv")
    read = outcome_events.read(path.read_bytes(), now=made.time(2), where="it")
    assert {outcome.patient: outcome.diagnosis for outcome in read} == made.known(2)
    assert max(pd.to_datetime([outcome.known_at for outcome in read])) < made.time(2)


def test_a_time_belongs_to_a_week_and_one_before_the_first_to_week_0() -> None:
    made = hospital()
    assert made.week_of(made.time(7).isoformat()) == 7
    assert made.week_of("2024-12-31T00:00:00+00:00") == 0
