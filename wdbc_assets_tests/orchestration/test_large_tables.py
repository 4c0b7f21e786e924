"""Tables larger than memory, from a folder of files to metrics and decision policy, in runs of the real jobs."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from wdbc_assets import settings
from wdbc_assets.domain.data import contract, lines, membership, splitting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation.comparison import CrossValidation
from wdbc_assets.domain.evaluation.cross_validation import OUTER_FOLDS
from wdbc_assets.domain.modeling import fitting, recipes
from wdbc_assets.orchestration.definitions import defs
from wdbc_assets.orchestration.materialize import FORCE_TAG
from wdbc_assets.pipeline import progress
from wdbc_assets.pipeline.engines import developed, explaining, large, summed_folds
from wdbc_assets.pipeline.engines.local import Local
from wdbc_assets.store import reader, table_files
from wdbc_assets.store.large_evaluation import LargeCrossValidation, PredictionsInFile
from wdbc_assets.store.store import Store, open_store
from wdbc_assets.verification import rederive, verify
from wdbc_assets_tests import builders
from wdbc_assets_tests.commands import typed
from wdbc_assets_tests.domain.validation import clean_frame

if TYPE_CHECKING:
    from wdbc_assets.domain.data.lines import LinesFile
    from wdbc_assets.store.table_files import LargeSplit, TableFile

ROWS, FILES = 900, 3
LARGE = ("raw_data", "clean_frame", "train_test_split")
MADE = (*LARGE, "fitted_pipeline", "metrics", "decision_policy")


@pytest.fixture(autouse=True)
def _settings(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of Parquet files as the source, of more rows than are held in memory, in parts of 200 rows."""
    folder = environment / "patients"
    folder.mkdir()
    table = builders.table_of(ROWS, seed=3).reset_index(drop=True)
    for number in range(FILES):
        table.iloc[number::FILES].to_parquet(folder / f"part-{number}.parquet")
    for name, value in {
        "SOURCE": str(folder), "ROWS_IN_MEMORY": "500", "SPLIT_METHOD": "hash", "RECIPE": "logistic",
        "SEARCH_REPEATS": "1", "GRID": "small", "BOOTSTRAP": "200", "ENGINE": "local", "WORKERS": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"WDBC_{name}", value)
    monkeypatch.setattr(lines, "PART", 200)
    monkeypatch.setattr(table_files, "ROWS", 200)


def run(job: str, instance: dg.DagsterInstance, *assets: str) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def(job).execute_in_process(
        instance=instance, raise_on_error=False, asset_selection=[dg.AssetKey(asset) for asset in assets] or None
    )


def made(environment: Path, instance: dg.DagsterInstance) -> Store:
    for job, assets in (("train", ()), ("evidence", ("decision_policy",))):
        result = run(job, instance, *assets)
        assert result.success, problem(result)
    return store_of(environment)


def store_of(environment: Path) -> Store:
    return open_store(str(environment / "results"), relative_to=environment)


def problem(result: dg.ExecuteInProcessResult) -> str:
    found = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    return "\n".join(error.message for error in found if error)


def values(store: Store) -> dict[str, Any]:
    return {name: store.handle(name).load() for name in MADE}


def test_the_results_are_those_of_the_same_table_in_memory(
    environment: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_GRID", "full")
    of_large = made(environment, instance)
    codecs = [of_large.handle(name).manifest.codec for name in LARGE]
    assert codecs == ["large_bytes", "large_table", "large_split"]
    found = values(of_large)
    assert found["clean_frame"].count == 5
    monkeypatch.setenv("WDBC_ROWS_IN_MEMORY", "1000000")
    monkeypatch.setenv("WDBC_STORAGE", str(environment / "other"))
    assert run("train", instance).success
    assert run("evidence", instance, "decision_policy").success
    expected = values(open_store(str(environment / "other"), relative_to=environment))

    source: LinesFile = found["raw_data"]
    assert b"".join(part for _, part in source.parts()) == expected["raw_data"]
    assert found["clean_frame"].frame().equals(expected["clean_frame"])
    split: LargeSplit = found["train_test_split"]
    for name, y in (("train", expected["train_test_split"].y_train), ("test", expected["train_test_split"].y_test)):
        drawn = getattr(split, name).frame()
        assert drawn.sort_values(large.DIGEST)["diagnosis"].tolist() == y.tolist()
    assert found["fitted_pipeline"].winner == expected["fitted_pipeline"].winner
    mean_scores, in_memory = (
        [one.mean_score for one in result["fitted_pipeline"].candidates] for result in (found, expected)
    )
    np.testing.assert_allclose(mean_scores, in_memory, atol=1e-6)
    for metric in ("log_loss", "roc_auc", "accuracy"):
        assert getattr(found["metrics"], metric).value == pytest.approx(
            getattr(expected["metrics"], metric).value, abs=1e-6
        )
    assert found["decision_policy"].threshold == pytest.approx(expected["decision_policy"].threshold, abs=1e-6)


def test_each_pass_over_the_table_is_reported_also_while_no_fit_has_ended(
    environment: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_REPORTS", 0.0)
    caplog.set_level(logging.INFO, "wdbc_assets")
    assert run("train", instance).success
    reported = [record.__dict__["progress"] for record in caplog.records if hasattr(record, "progress")]
    passes = [int(text.partition(": ")[2].partition(",")[0]) for text in reported if text.startswith("passes over")]
    assert passes == sorted(passes)
    assert set(passes) == set(range(1, passes[-1] + 1))
    assert sum("candidates evaluated 0/6" in text for text in reported) > 1
    assert reported[-1].endswith("candidates evaluated 6/6")


@pytest.mark.parametrize("most_compared", [reader.MOST_COMPARED, 100])
def test_a_second_run_leaves_everything_unchanged_and_verification_derives_the_same(
    environment: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, most_compared: int
) -> None:
    for module in (reader, rederive):
        monkeypatch.setattr(module, "MOST_COMPARED", most_compared)
    store = made(environment, instance)
    versions = [store.handle(name).manifest for name in MADE]
    assert run("train", instance).success
    assert [store.handle(name).manifest for name in MADE] == versions
    findings = list(verify(store, settings.load(), MADE, deep=False))
    assert [one.verdict for one in findings] == ["same"] * len(MADE), [(one.asset, one.causes) for one in findings]
    assert ("large files" in findings[0].compared) == (most_compared == 100)
    assert typed("status").output.count("up to date") >= len(LARGE)


@pytest.mark.fault("F07")
def test_a_stored_table_that_was_altered_is_found_by_verification_and_never_used(
    environment: Path, instance: dg.DagsterInstance
) -> None:
    store = made(environment, instance)
    manifest = store.handle("clean_frame").manifest
    path = environment / "results" / "clean_frame" / "versions" / manifest.version / "clean_frame.parquet"
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    (finding,) = verify(store, settings.load(), ["clean_frame"], deep=False)
    assert finding.verdict == "diverged"
    assert "clean_frame.parquet was altered" in str(finding.causes[0])
    with pytest.raises(WdbcError, match="altered"):
        store.handle("clean_frame").load()


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("SPLIT_METHOD", "shuffled", "Set WDBC_SPLIT_METHOD=hash"),
        ("RECIPE", "svc", "a support vector machine compares rows"),
    ],
)
def test_what_has_no_form_for_large_tables_is_refused_with_the_reason(
    environment: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, name: str, value: str, named: str
) -> None:
    monkeypatch.setenv(f"WDBC_{name}", value)
    result = run("train", instance)
    assert not result.success
    assert named in problem(result)
    assert store_of(environment).current("metrics") is None


def test_an_asset_that_needs_the_table_in_memory_refuses_it(environment: Path, instance: dg.DagsterInstance) -> None:
    result = run("explore", instance)
    assert "exploration needs the whole clean_frame in memory" in problem(result)
    assert store_of(environment).current("clean_frame") is not None
    assert store_of(environment).current("exploration") is None


@pytest.mark.fault("D01")
def test_a_bad_row_is_refused_naming_file_and_row_and_nothing_is_replaced(
    environment: Path, instance: dg.DagsterInstance
) -> None:
    store = made(environment, instance)
    before = store.handle("raw_data").manifest
    path = environment / "patients" / "part-1.parquet"
    table = pd.read_parquet(path)
    table.loc[table.index[123], "texture_mean"] = -1.0
    table.to_parquet(path)
    result = run("train", instance)
    assert not result.success
    assert "row 124 of part-1.parquet" in problem(result)
    assert store.handle("raw_data").manifest == before


@pytest.mark.fault("S19")
def test_a_process_that_finds_another_table_than_was_verified_refuses_it(
    environment: Path, instance: dg.DagsterInstance
) -> None:
    store = made(environment, instance)
    split: LargeSplit = store.handle("train_test_split").load()
    assert split.test.place is not None
    path = environment / "results" / split.test.place.path
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)  # a copy, as on another machine: its digest decides
    copied: TableFile = table_files.opened.__wrapped__(split.test.place)
    assert copied.rows == split.test.rows
    path.write_bytes(content + b"x")
    with pytest.raises(WdbcError, match="its digest does not match"):
        table_files.opened.__wrapped__(split.test.place)
    path.unlink()
    with pytest.raises(WdbcError, match="does not find a stored table"):
        table_files.opened.__wrapped__(split.test.place)


def test_the_store_may_be_a_bucket(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_STORAGE", "memory://large")
    result = run("train", instance)
    assert result.success, problem(result)
    store = open_store("memory://large", relative_to=Path())
    assert store.handle("train_test_split").manifest.codec == "large_split"
    assert store.handle("metrics").load().rows > 100


def test_a_forced_run_holds_a_large_table_in_memory_once_the_limit_is_raised(
    environment: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("train", instance, "raw_data").success
    monkeypatch.setenv("WDBC_ROWS_IN_MEMORY", "1000000")
    assert run("train", instance, "raw_data").success
    assert store_of(environment).handle("raw_data").manifest.codec == "large_bytes"
    forced = defs.resolve_job_def("train").execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey("raw_data")], tags={FORCE_TAG: "true"}
    )
    assert forced.success
    assert store_of(environment).handle("raw_data").manifest.codec == "bytes"


@pytest.mark.nightly
def test_two_processes_and_dask_give_the_same_model(
    environment: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = set()
    for number, (engine, processes) in enumerate([("local", "1"), ("local", "2"), ("dask", "2")]):
        monkeypatch.setenv("WDBC_STORAGE", str(environment / str(number)))
        monkeypatch.setenv("WDBC_ENGINE", engine)
        monkeypatch.setenv("WDBC_WORKERS", processes)
        result = run("train", instance)
        assert result.success, problem(result)
        store = open_store(str(environment / str(number)), relative_to=environment)
        versions.add(store.handle("fitted_pipeline").manifest.version)
    assert len(versions) == 1


def test_a_model_of_a_large_table_is_evaluated_promoted_and_served(
    environment: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipes, "PROTOCOLS", {"quick": 1, "full": 10})
    monkeypatch.setattr(fitting, "_repeats", lambda *_: 1)
    monkeypatch.setenv("WDBC_GRID", "full")
    for name in ("logistic", "spline"):
        recipe = recipes.RECIPES[name]
        few = {**recipe.grids, "full": recipe.grids["small"]}
        monkeypatch.setitem(recipes.RECIPES, name, replace(recipe, grids=few))
    store = made(environment, instance)
    shown = typed("evaluate").output
    assert "airflow_baseline is not evaluated on a large table: its solver visits" in shown
    assert f"{ROWS} patients, 1 x 10 folds" in shown
    assert "spline - logistic" in shown
    evaluation = store.handle("cross_validation")
    assert evaluation.manifest.codec == "large_cross_validation"
    value = evaluation.load()
    assert (value.summary.patients, set(value.summary.recipes)) == (ROWS, {"logistic", "spline"})
    assert all(check.passed for check in evaluation.manifest.checks if check.blocking)
    assert "first" in typed("promote", "--dry-run").output
    assert "is in production" in typed("promote").output
    champion = store.handle("champion").load()
    train = store.handle("train_test_split").load().train
    assert champion.reference.rows == train.rows
    assert champion.reference.quantiles["radius_mean"][19] == np.median(train.column("radius_mean"))
    (finding,) = verify(store, settings.load(), ["champion"], deep=False)
    assert finding.verdict == "same", finding.causes
    batch = environment / "batch.parquet"
    builders.table_of(300, seed=9).drop(columns="diagnosis").to_parquet(batch)
    assert "no drift" in typed("monitor", str(batch)).output
    # A second evaluation of the same table computes no fold; one fold of each recipe is enough for a verification.
    checkpoints = [path.name for path in (environment / "results").rglob("*-sums.json")]
    assert len(checkpoints) == 2 * OUTER_FOLDS
    for path in (environment / "results").rglob("*-sums.json"):
        path.unlink()
    (finding,) = verify(store, settings.load(), ["cross_validation"], deep=False)
    assert finding.verdict == "same", finding
    assert "2 of 20 folds evaluated again" in finding.notes[0]


def test_altered_predictions_of_a_large_table_break_the_rule(environment: Path) -> None:
    frame = table_files.write([clean_frame().iloc[:300]])
    fold_of = membership.fold_of(membership.digests(frame.frame()), folds=OUTER_FOLDS, seed=0)
    y = frame.column("diagnosis")
    right = {"diagnosis": y, "fold 0": fold_of, "spline 0": np.full(300, 0.5)}
    for column, spoilt, named in (
        ("diagnosis", 1 - y, "not the diagnosis of the clean frame"),
        ("fold 0", (fold_of + 1) % OUTER_FOLDS, "predicted by a model that was fitted on this patient"),
        ("spline 0", np.where(np.arange(300) == 7, np.nan, 0.5), "no probability of spline"),
    ):
        table = pd.DataFrame(right | {column: spoilt})
        wrong = list(summed_folds.wrong_predictions(PredictionsInFile(table_files.write([table])), frame))
        assert named in wrong[0].value
    assert not list(summed_folds.wrong_predictions(PredictionsInFile(table_files.write([pd.DataFrame(right)])), frame))
    fewer = PredictionsInFile(table_files.write([pd.DataFrame(right).iloc[:200]]))
    assert "predictions of 200 patients" in next(summed_folds.wrong_predictions(fewer, frame)).value


def test_monitoring_compares_with_a_sample_of_a_large_table(monkeypatch: pytest.MonkeyPatch) -> None:
    table = clean_frame()
    frame = table_files.write([table])
    p = np.random.default_rng(0).random((2, len(table)))
    columns = {"diagnosis": table["diagnosis"], "fold 0": 0, "fold 1": 0, "spline 0": p[0], "spline 1": p[1]}
    evaluation = LargeCrossValidation(PredictionsInFile(table_files.write([pd.DataFrame(columns)])), (), None)  # type: ignore[arg-type]
    everyone = developed.DevelopmentPatients.of(frame, evaluation, "spline")
    assert everyone.X.equals(table[list(contract.FEATURES)])
    np.testing.assert_allclose(everyone.log_odds, (np.log(p) - np.log1p(-p)).mean(axis=0))
    monkeypatch.setattr(developed, "SAMPLE", 200)
    some = developed.DevelopmentPatients.of(frame, evaluation, "spline")
    assert 150 < len(some.X) < 250
    rows = table.reset_index().merge(some.X.assign(log_odds=some.log_odds), on=list(contract.FEATURES))
    np.testing.assert_allclose(rows["log_odds"], everyone.log_odds[rows["index"]])
    with pytest.raises(WdbcError, match="svc has no out-of-fold predictions"):
        developed.DevelopmentPatients.of(frame, evaluation, "svc")


def test_inputs_of_different_tables_are_refused_and_not_a_bug(environment: Path, instance: dg.DagsterInstance) -> None:
    store = made(environment, instance)
    frame, split, fit = (store.handle(name).load() for name in ("clean_frame", "train_test_split", "fitted_pipeline"))
    small = clean_frame()
    parameters = settings.ImportanceParameters(importance_repeats=1, importance_seed=0)
    for table, divided in ((small, split), (frame, splitting.split(small))):
        with pytest.raises(
            WdbcError, match="clean_frame and train_test_split were made from different tables"
        ) as raised:
            explaining.importance(table, divided, fit, parameters, Local(1), None, print)  # type: ignore[arg-type]
        assert raised.value.hint == "Run `wdbc run` first."
    with pytest.raises(WdbcError, match="clean_frame and cross_validation were made from different tables"):
        developed.DevelopmentPatients.of(frame, CrossValidation(pd.DataFrame(), (), None), "spline")  # type: ignore[arg-type]
