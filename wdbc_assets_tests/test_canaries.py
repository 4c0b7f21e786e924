"""Canaries through Dagster: what makes an evaluation worthless turns its check red, and is never stored as current.

Each evaluation is real, with one repeat instead of three and one candidate of the reference Airflow project's recipe
instead of ten.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from wdbc_assets.domain.data import cleaning, contract, reading
from wdbc_assets.domain.evaluation import cross_validation, floors
from wdbc_assets.domain.evaluation.comparison import CrossValidation
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.orchestration import checks
from wdbc_assets.orchestration.definitions import defs
from wdbc_assets.pipeline.engines import folds as engine
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests import builders

Evaluated = tuple[dg.ExecuteInProcessResult, dict[str, Any]]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "results"), relative_to=tmp_path)


@pytest.fixture
def frame() -> pd.DataFrame:
    return cleaning.clean(reading.read(builders.bundled_uci_bytes()))


@pytest.fixture
def evaluate(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[[pd.DataFrame], Evaluated]:
    """Make a frame the current clean frame, validated by nobody, and evaluate it: the run, and the checks by name."""
    small = dataclasses.replace(recipes.named(recipes.BASELINE), grids={"full": [{}]})
    monkeypatch.setitem(recipes.RECIPES, recipes.BASELINE, small)
    monkeypatch.setitem(recipes.PROTOCOLS, "quick", 1)
    monkeypatch.setenv("WDBC_WORKERS", "1")

    def evaluated(frame: pd.DataFrame) -> Evaluated:
        store.commit(store.draft("clean_frame", frame, run_id="canary"), run_id="canary")
        with dg.DagsterInstance.ephemeral() as instance:
            result = defs.resolve_job_def("evaluate").execute_in_process(
                instance=instance, asset_selection=[dg.AssetKey("cross_validation")], raise_on_error=False
            )
        return result, {check.check_name: check for check in result.get_asset_check_evaluations()}

    return evaluated


def failing(check: Any) -> list[tuple[Any, str]]:
    """The rows and columns that a check shows as its evidence."""
    return [(record.data["row"], record.data["column"]) for record in check.metadata["failing rows"].value.records]


def versions(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "results/cross_validation/versions").glob("*/*"))


@pytest.mark.fault("T06")
def test_shuffled_diagnoses_are_no_better_than_chance_and_nothing_is_stored(
    frame: pd.DataFrame, evaluate: Callable[[pd.DataFrame], Evaluated], store: Store, tmp_path: Path
) -> None:
    assert evaluate(frame)[0].success
    good, stored = store.current("cross_validation"), versions(tmp_path)
    shuffled = np.random.default_rng(42).permutation(frame[contract.DIAGNOSIS].to_numpy())
    result, found = evaluate(frame.assign(**{contract.DIAGNOSIS: shuffled}))
    assert not result.success
    chance = found["better_than_chance"]
    assert not chance.passed
    assert chance.blocking
    assert failing(chance) == [("", "roc_auc")]
    shown = chance.metadata["failing rows"].value.records[0].data["value"]
    assert 0.4 < float(shown.split(",")[0]) < floors.CHANCE
    assert {column for _, column in failing(found["metrics_reach_the_floors"])} == set(floors.METRICS)
    assert found["no_metric_is_too_good"].passed
    assert found["each_patient_is_predicted_once"].passed
    assert store.current("cross_validation") == good
    assert versions(tmp_path) == stored
    refusal = store.refusal("cross_validation")
    assert refusal is not None
    assert "better_than_chance: roc_auc is 0." in refusal.reasons[0]


@pytest.mark.fault("T07")
def test_a_diagnosis_that_leaks_into_a_measurement_raises_the_alarm_and_nothing_is_stored(
    frame: pd.DataFrame, evaluate: Callable[[pd.DataFrame], Evaluated], store: Store, tmp_path: Path
) -> None:
    result, found = evaluate(frame.assign(symmetry_se=0.01 + 0.02 * frame[contract.DIAGNOSIS]))
    assert not result.success
    alarm = found["no_metric_is_too_good"]
    assert not alarm.passed
    assert alarm.blocking
    assert {column for _, column in failing(alarm)} == {"accuracy", "f1", "log_loss", "brier"}
    assert [name for name, check in found.items() if not check.passed] == ["no_metric_is_too_good"]
    assert store.current("cross_validation") is None
    assert versions(tmp_path) == []


@pytest.mark.fault("D12")
def test_a_patient_answered_for_by_a_model_that_was_fitted_on_it_is_shown_and_nothing_is_stored(
    frame: pd.DataFrame,
    evaluate: Callable[[pd.DataFrame], Evaluated],
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def leaking(*arguments: Any, **options: Any) -> CrossValidation:
        value = real(*arguments, **options)
        # Patients 5 and 6 change places: each is answered for by the models that the other was left out of.
        folds = value.predictions.pivot_table(index="patient", columns="recipe", values="fold")["logistic"]
        assert folds[4] != folds[5]
        exchanged = {4: folds[5], 5: folds[4]}
        value.predictions["fold"] = [
            int(exchanged.get(patient, fold)) for patient, fold in value.predictions[["patient", "fold"]].to_numpy()
        ]
        return value

    real = engine.evaluate
    monkeypatch.setattr(engine, "evaluate", leaking)
    result, found = evaluate(frame)
    assert not result.success
    folds = found["each_patient_is_predicted_once"]
    assert not folds.passed
    assert folds.blocking
    assert failing(folds) == [
        (5, "airflow_baseline"),
        (6, "airflow_baseline"),
        (5, "logistic"),
        (6, "logistic"),
        (5, "spline"),
        (6, "spline"),
    ]
    assert "fitted on this patient" in folds.metadata["failing rows"].value.records[0].data["value"]
    assert folds.metadata["failures"].value == 6
    assert store.current("cross_validation") is None
    assert versions(tmp_path) == []


@pytest.mark.fault("D13")
def test_an_id_among_the_features_stops_the_job_before_anything_is_evaluated(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def clean(table: reading.RawTable) -> pd.DataFrame:
        return real(table).assign(id=table.frame["id"].to_numpy(dtype=float))

    real = cleaning.clean
    monkeypatch.setattr(cleaning, "clean", clean)
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def("evaluate").execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    found = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert not found["columns_are_features_only"].passed
    assert failing(found["columns_are_features_only"]) == [("", "id")]
    assert "cross_validation" not in {event.step_key for event in result.all_events if event.is_step_start}
    assert store.current("clean_frame") is None
    assert store.current("cross_validation") is None


@pytest.mark.fault("D13")
def test_an_id_that_got_into_the_frame_reaches_no_model(frame: pd.DataFrame) -> None:
    unit = cross_validation.FoldUnit("logistic", 0, 0)
    with_id = frame.assign(id=np.arange(len(frame)) * 1000.0)
    assert cross_validation.evaluate_fold(with_id, unit) == cross_validation.evaluate_fold(frame, unit)


@pytest.mark.parametrize("rule", floors.RULES, ids=lambda rule: rule.name)
def test_each_rule_of_the_evaluation_has_a_check_that_blocks_as_the_rule_says(rule: Any) -> None:
    (spec,) = [one for one in checks.specs("cross_validation") if one.name == rule.name]
    warns = (floors.metrics_reach_the_floors, floors.probabilities_are_calibrated)
    assert spec.blocking == rule.blocking == (rule not in warns)
