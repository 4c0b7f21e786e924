"""Verification: an unchanged store is the same, and every change is reported with its cause."""

import importlib.metadata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wdbc_assets.domain.evaluation import intervals
from wdbc_assets.domain.modeling import prediction
from wdbc_assets.pipeline import code_versions, specs
from wdbc_assets.store import environment
from wdbc_assets.verification import Deviation
from wdbc_assets_tests.store.artifacts import snapshot
from wdbc_assets_tests.verification import forging
from wdbc_assets_tests.verification.conftest import Verify
from wdbc_assets_tests.verification.found import changed_values, verdicts

MADE = list(specs.JOBS["train"])


def test_an_unchanged_store_is_the_same_and_verification_writes_nothing(verify: Verify, folder: Path) -> None:
    before = snapshot(folder), sorted(folder.rglob("*"))
    found = verify()
    assert list(found) == MADE
    assert verdicts(found) == ["same"] * 5
    assert found["clean_frame"].compared == "569 rows x 31 columns"
    assert "pipeline.skops" in found["fitted_pipeline"].compared
    assert found["metrics"].derived == found["metrics"].manifest.version  # type: ignore[union-attr]
    assert (snapshot(folder), sorted(folder.rglob("*"))) == before


@pytest.mark.fault("T09")
def test_a_changed_setting_of_the_search_is_reported_with_both_values(
    verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_FOLDS", "7")
    found = verify()
    assert verdicts(found)[:3] == ["same"] * 3
    assert found["fitted_pipeline"].causes == (Deviation("configuration", "folds", 5, 7),)
    assert "WDBC_FOLDS" in found["fitted_pipeline"].causes[0].hint
    assert changed_values(found["fitted_pipeline"])["folds"] == (5, 7)
    assert found["metrics"].verdict == "diverged", "other folds select another temperature, and so another model"


def test_an_explicit_setting_equal_to_the_manifest_is_no_change(
    verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_FOLDS", "5")
    assert verdicts(verify()) == ["same"] * 5


def test_a_changed_default_is_no_change_of_the_configuration(verify: Verify, folder: Path) -> None:
    forging.rewrite(folder, "metrics", lambda plain: plain["parameters"].update(bootstrap=500))
    found = verify()["metrics"]
    assert found.verdict == "diverged"  # by the manifest's 500 resamples, not by the default
    assert changed_values(found)["bootstrap.resamples"] == (2000, 500)


def test_a_changed_setting_without_effect_is_not_reported_as_the_cause(
    verify: Verify, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_SEARCH_SEED", "43")  # lbfgs does not use the seed, but the evidence records it
    monkeypatch.setenv("WDBC_STRATIFIED", "false")
    found = verify()
    assert [str(cause) for cause in found["train_test_split"].causes] == ["configuration stratified True -> False"]
    assert {cause.kind for cause in found["fitted_pipeline"].causes} == {"input", "configuration"}


@pytest.mark.fault("T09")
def test_changed_code_is_reported_with_its_asset_and_both_versions(
    verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, before = code_versions.code_version, code_versions.code_version("metrics")
    monkeypatch.setattr(code_versions, "code_version", lambda asset, *_: "0123" if asset == "metrics" else real(asset))
    original = intervals.proportion

    def inflated(hits: int, of: int, **rest: Any) -> intervals.Interval:
        return replace(original(hits, of, **rest), value=(hits + 1) / (of + 1))

    monkeypatch.setattr(intervals, "proportion", inflated)
    found = verify()
    assert verdicts(found) == ["same"] * 4 + ["diverged"]
    assert found["metrics"].causes == (Deviation("code", "metrics", before, "0123"),)
    stored, derived = changed_values(found["metrics"])["accuracy.value"]
    assert derived == (stored * 114 + 1) / 115


@pytest.mark.fault("T09")
def test_changed_code_that_gives_the_same_value_is_only_a_note(verify: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_versions, "code_version", lambda asset, *_: "0123")
    found = verify()
    assert verdicts(found) == ["same"] * 5
    assert found["metrics"].notes[0].startswith("same despite code metrics ")


@pytest.mark.fault("T09")
def test_another_version_of_a_library_is_reported_with_both_versions(
    verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = importlib.metadata.version
    before = version("scikit-learn")
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "1.8.7" if name == "scikit-learn" else version(name)
    )
    environment.libraries.cache_clear()
    predict = prediction.predict
    monkeypatch.setattr(prediction, "predict", lambda *given: predict(*given) * (1 - 1e-13))
    try:
        found = verify()
    finally:
        monkeypatch.undo()
        environment.libraries.cache_clear()
    assert verdicts(found) == ["same"] * 4 + ["diverged"]
    assert found["metrics"].causes == (Deviation("library", "scikit-learn", before, "1.8.7"),)
    assert "Install scikit-learn " + before in found["metrics"].causes[0].hint
    assert found["metrics"].rounding
    assert 0 < (found["metrics"].largest or 0) < 1e-9


@pytest.mark.fault("T09")
def test_another_machine_is_reported_with_its_properties(
    verify: Verify, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(plain: dict[str, Any]) -> None:
        plain["machine"]["processor"] = "Another 3000"

    forging.rewrite(folder, "metrics", elsewhere)
    assert verify()["metrics"].notes == (
        f"same despite machine processor Another 3000 -> {environment.machine()['processor']}",
    )
    predict = prediction.predict
    monkeypatch.setattr(prediction, "predict", lambda *given: predict(*given) * (1 - 1e-13))
    (cause,) = verify()["metrics"].causes
    assert (cause.kind, cause.name, cause.stated) == ("machine", "processor", "Another 3000")


def test_a_manifest_without_a_machine_is_verified_as_well(verify: Verify, folder: Path) -> None:
    forging.rewrite(folder, "metrics", lambda plain: plain.pop("machine") and None)
    assert verify()["metrics"].verdict == "same"


def test_a_different_model_is_reported_by_the_difference_of_its_probabilities(
    verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_RECIPE", "airflow_baseline")
    found = verify()
    (model, search) = found["fitted_pipeline"].differences
    assert model.what.startswith("probabilities of 455 training rows differ by at most ")
    assert 0 < (model.largest or 0) < 1
    assert {"recipe", "score"} <= {value.path for value in search.changed}
    assert [cause.kind for cause in found["metrics"].causes] == ["input"]
