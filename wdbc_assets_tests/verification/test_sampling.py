"""Verification of an evaluation: metrics from the stored predictions, and one fold of each recipe evaluated again."""

import json
from pathlib import Path

import pandas as pd
import pytest

from wdbc_assets import settings
from wdbc_assets.domain.evaluation import comparison, cross_validation, floors
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.pipeline import code_versions, staleness
from wdbc_assets.pipeline.engines import folds
from wdbc_assets.pipeline.engines.local import Local
from wdbc_assets.store import codecs, parsing
from wdbc_assets.store.store import open_store
from wdbc_assets_tests.verification import forging
from wdbc_assets_tests.verification.conftest import Verify

pytestmark = pytest.mark.slow

RUN = "run-of-the-evaluation"


@pytest.fixture(scope="session")
def evaluated_once(made_from_a_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation with one repeat, because the real protocols take too long for a test."""
    store = open_store(str(made_from_a_file / "results"), relative_to=made_from_a_file)
    clean = store.handle("clean_frame")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recipes.PROTOCOLS, "quick", 1)
        value = folds.evaluate(
            clean.load(),
            recipes=list(floors.EVALUATED),
            protocol="quick",
            engine=Local(1),
            checkpoints=store.checkpoints("cross_validation", "a test"),
            report=lambda done, total: None,
        )
    parameters = staleness.resolved("cross_validation", settings.load(), {})
    draft = store.draft(
        "cross_validation",
        value,
        run_id=RUN,
        inputs={"clean_frame": clean.manifest.version},
        parameters=parameters,
        code_version=code_versions.code_version("cross_validation", parameters),
    )
    folder = tmp_path_factory.mktemp("evaluated")
    for name, content in draft.contents.items():
        (folder / name).write_bytes(content)
    (folder / "manifest.json").write_bytes(draft.manifest.to_json())
    return folder


@pytest.fixture(autouse=True)
def evaluated(evaluated_once: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(recipes.PROTOCOLS, "quick", 1)
    manifest = (evaluated_once / "manifest.json").read_bytes()
    version = folder / "cross_validation" / "versions" / json.loads(manifest)["version"]
    version.mkdir(parents=True)
    for path in evaluated_once.iterdir():
        if path.name != "manifest.json":
            (version / path.name).write_bytes(path.read_bytes())
    (folder / "runs" / RUN).mkdir()
    for path in (folder / "cross_validation" / "current.json", folder / "runs" / RUN / "cross_validation.json"):
        path.write_bytes(manifest)


def test_one_fold_of_each_recipe_is_evaluated_again_and_all_metrics_are_derived(
    verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated_units: list[cross_validation.FoldUnit] = []
    evaluate_fold = cross_validation.evaluate_fold

    def recorded(frame: pd.DataFrame, unit: cross_validation.FoldUnit) -> cross_validation.FoldOutcome:
        evaluated_units.append(unit)
        return evaluate_fold(frame, unit)

    monkeypatch.setattr(cross_validation, "evaluate_fold", recorded)
    first = verify("cross_validation")["cross_validation"]
    assert first.verdict == "same"
    assert first.notes == ("3 of 30 folds evaluated again; `--deep` evaluates all",)
    assert sorted(unit.recipe for unit in evaluated_units) == sorted(floors.EVALUATED)
    verify("cross_validation")
    assert sorted(evaluated_units[:3]) == sorted(evaluated_units[3:])  # the same version, the same folds


@pytest.mark.fault("T08")
def test_an_altered_metric_of_the_evaluation_is_reported(verify: Verify, folder: Path) -> None:
    summary = json.loads(forging.stored(folder, "cross_validation", "summary.json").read_bytes())
    honest = summary["recipes"]["logistic"]["accuracy"]["mean"]
    summary["recipes"]["logistic"]["accuracy"]["mean"] = 0.999
    forging.forge(folder, "cross_validation", "summary.json", codecs.to_json(summary))
    found = verify("cross_validation")["cross_validation"]
    assert [(cause.kind, cause.name) for cause in found.causes] == [("stored file", "summary.json")]
    (value,) = found.differences[0].changed
    assert (value.path, value.stored, value.derived) == ("recipes.logistic.accuracy.mean", 0.999, honest)


@pytest.mark.fault("T08")
def test_altered_predictions_are_detected_by_the_fold_that_is_evaluated_again(verify: Verify, folder: Path) -> None:
    predictions = codecs.from_parquet(forging.stored(folder, "cross_validation", "predictions.parquet").read_bytes())
    predictions["probability"] = 0.99 * predictions["probability"] + 0.01 * predictions["diagnosis"]
    forging.forge(folder, "cross_validation", "predictions.parquet", codecs.to_parquet(predictions))
    summary = codecs.to_json(parsing.plain(comparison.summary(predictions)))
    forging.forge(folder, "cross_validation", "summary.json", summary)
    found = verify("cross_validation")["cross_validation"]
    assert found.verdict == "diverged"
    assert {difference.file for difference in found.differences} == {"predictions.parquet", "summary.json"}
    table = next(difference for difference in found.differences if difference.file == "predictions.parquet")
    assert table.count >= 3 * 56
    assert {column for _, column in table.cells} == {"probability"}


def test_damaged_predictions_are_reported_without_a_full_evaluation(verify: Verify, folder: Path) -> None:
    forging.flip(forging.stored(folder, "cross_validation", "predictions.parquet"))
    found = verify("cross_validation")["cross_validation"]
    assert found.verdict == "diverged"
    assert [cause.name for cause in found.causes] == ["predictions.parquet"]
    assert "--deep" in found.reason


def test_an_evaluation_whose_input_diverged_needs_deep(verify: Verify, source: Path) -> None:
    source.write_bytes(source.read_bytes().replace(b"17.99", b"17.98", 1))
    found = verify("raw_data", "clean_frame", "cross_validation")
    assert found["clean_frame"].verdict == "diverged"
    assert found["cross_validation"].verdict == "not derived"
    assert "--deep" in found["cross_validation"].reason


def test_a_longer_protocol_in_the_settings_needs_deep(verify: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_PROTOCOL", "full")
    found = verify("cross_validation")["cross_validation"]
    assert found.verdict == "not derived"
    assert "--deep" in found.reason
