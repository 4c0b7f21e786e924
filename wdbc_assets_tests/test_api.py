"""The Python API: what a notebook reads from the store, and the errors for what does not exist."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

import wdbc_assets as wdbc
from wdbc_assets import settings
from wdbc_assets.definitions import defs
from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import prediction
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests import champions
from wdbc_assets_tests.domain import validation

ROWS = 569


@pytest.fixture
def store(environment: Path) -> Store:
    return open_store(str(environment / "results"), relative_to=environment)


@pytest.fixture
def frame() -> pd.DataFrame:
    return validation.clean_frame()


def put(store: Store, value: object, *, run_id: str) -> str:
    """Store a value as clean_frame; return its version."""
    draft = store.draft("clean_frame", value, run_id=run_id)
    store.commit(draft, run_id=run_id)
    return draft.manifest.version


def test_importing_it_loads_neither_dagster_nor_pandas() -> None:
    code = "import sys, wdbc_assets; print({'dagster', 'pandas', 'sklearn', 'numpy'} & set(sys.modules))"
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.project_root(), capture_output=True, text=True, check=True
    ).stdout
    assert printed == "set()\n"


def test_a_current_and_an_older_version_are_loaded(store: Store, frame: pd.DataFrame) -> None:
    older = put(store, frame.head(10), run_id="first")
    put(store, frame, run_id="second")
    assert_frame_equal(wdbc.load("clean_frame"), frame)
    assert_frame_equal(wdbc.load("clean_frame", version=older[:8]), frame.head(10))
    assert_frame_equal(wdbc.load("clean_frame", store=store.url), frame)
    loaded = defs.load_asset_value("clean_frame", instance=dg.DagsterInstance.ephemeral())
    assert isinstance(loaded, pd.DataFrame)
    assert_frame_equal(loaded, frame)


def test_versions_are_listed_with_the_current_one_marked(store: Store, frame: pd.DataFrame) -> None:
    assert wdbc.versions("clean_frame").empty
    digests = {put(store, frame.head(rows), run_id=f"run-{rows}") for rows in (10, 20)}
    table = wdbc.versions("clean_frame")
    assert set(table["version"]) == digests
    assert table.loc[table["current"], "run_id"].tolist() == ["run-20"]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: wdbc.load("clean"), "There is no asset 'clean'"),
        (lambda: wdbc.versions("../secrets"), "There is no asset"),
        (lambda: wdbc.load("clean_frame"), "has never been"),
        (lambda: wdbc.load("clean_frame", version="0123"), "no version of clean_frame"),
        (wdbc.champion, "no champion has been promoted yet"),
        (lambda: wdbc.load("clean_frame", version=""), "first digits"),
        (lambda: wdbc.load("clean_frame", version="\x1b[31mX"), "first digits"),
        (lambda: wdbc.load("clean_frame", version=5), "first digits"),  # type: ignore[arg-type]
        (lambda: wdbc.load("clean_frame", store=5), "a path is needed, not an object of type int"),  # type: ignore[arg-type]
        (lambda: wdbc.load("clean_frame", store="/tmp/\0"), "no path can contain"),
        (lambda: wdbc.load("clean_frame", partition=5), "partition"),  # type: ignore[arg-type]
        (lambda: wdbc.predict("in.csv\0", "out.csv"), "no path can contain"),
        (lambda: wdbc.predict(b"in.csv", "o" * 300 + ".csv"), "no champion"),  # type: ignore[arg-type]
    ],
    ids=[
        "an unknown asset",
        "a path",
        "never made",
        "an unknown version",
        "no champion",
        "an empty version",
        "an escape sequence",
        "a number",
        "no path",
        "a NUL",
        "no partition",
        "a NUL in a file",
        "a long name",
    ],
)
def test_what_does_not_exist_is_an_error(store: Store, ask: object, message: str) -> None:
    with pytest.raises(WdbcError, match=message):
        ask()  # type: ignore[operator]


def test_a_damaged_file_is_never_returned(store: Store, frame: pd.DataFrame, environment: Path) -> None:
    put(store, frame, run_id="a-run")
    (file,) = (environment / "results/clean_frame/versions").rglob("*.parquet")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(WdbcError, match="was altered: its digest does not match the manifest"):
        wdbc.load("clean_frame")


@pytest.mark.parametrize("recipe", ["logistic", "svc"])
def test_the_champion_predicts_as_its_pipeline_does(environment: Path, frame: pd.DataFrame, recipe: str) -> None:
    version = champions.make_champion(environment / "results", recipe)
    model = wdbc.champion()
    assert (model.recipe, model.version) == (recipe, version)
    shuffled = frame[frame.columns[::-1]]
    expected = prediction.predict(champions.fit(recipe).pipeline, frame[list(contract.FEATURES)])
    p = model.predict_proba(shuffled)
    np.testing.assert_allclose(p[:, 1], expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert set(model.triage(shuffled)) <= set(contract.OUTCOMES)
    if recipe == "logistic":
        log_odds = model.explain(shuffled).sum(axis=1).to_numpy()
        np.testing.assert_allclose(1 / (1 + np.exp(-log_odds)), expected, rtol=0, atol=1e-9)
    else:
        with pytest.raises(WdbcError, match="not linear"):
            model.explain(shuffled)


@pytest.mark.fault("X02")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="radius_mean"), "lacks 1 of the 30 measurements: radius_mean"),
        (lambda frame: frame.assign(radius_mean="?"), "not a number"),
        (lambda frame: frame.assign(radius_mean="17.98765"), "not a number"),
        (lambda frame: frame.assign(radius_mean=True), "not a number"),
        (lambda frame: frame.assign(radius_mean=17.98765 + 1j), "not a number"),
        (lambda frame: frame.assign(radius_mean=pd.Timestamp("2026-01-01")), "not a number"),
        (lambda frame: frame.assign(radius_mean=pd.Series([10**400] * len(frame), dtype=object)), "not a number"),
        (lambda frame: pd.concat([frame, frame[["radius_mean"]]], axis=1), "radius_mean occurs twice"),
        (lambda frame: frame.to_numpy(), "not an object of type ndarray"),
        (lambda _: None, "not an object of type NoneType"),
        (lambda frame: frame.assign(radius_mean=-17.98765), "569 of 569 rows break a rule"),
        (lambda frame: frame.assign(radius_mean=np.nan), "569 of 569 rows break a rule"),
    ],
    ids=[
        "a missing column",
        "text",
        "digits",
        "a bool",
        "complex",
        "a date",
        "huge",
        "twice",
        "an array",
        "nothing",
        "negative",
        "blank",
    ],
)
def test_a_table_that_is_not_measurements_is_rejected_without_a_value(
    environment: Path, frame: pd.DataFrame, change: object, message: str
) -> None:
    champions.make_champion(environment / "results")
    with pytest.raises(WdbcError, match=message) as rejected:
        wdbc.champion().predict_proba(change(frame))  # type: ignore[operator]
    assert "17.98765" not in f"{rejected.value}{rejected.value.detail}"


@pytest.mark.fault("X02")
def test_nothing_shows_a_patient_in_its_repr(environment: Path, store: Store, frame: pd.DataFrame) -> None:
    champions.make_champion(environment / "results")
    draft = store.draft("clean_frame", frame, run_id="a-run")
    texts = [repr(wdbc.champion()), repr(draft), repr(store.handle("champion"))]
    cell = str(frame["radius_mean"].iloc[0])
    assert all(cell not in text and "radius_mean" not in text for text in texts)


@pytest.mark.fault("X02")
def test_a_table_in_place_of_a_file_is_not_shown(environment: Path, frame: pd.DataFrame) -> None:
    champions.make_champion(environment / "results")
    with pytest.raises(WdbcError, match="not an object of type DataFrame") as refused:
        wdbc.predict(frame, "out.csv")  # type: ignore[arg-type]
    assert str(frame["radius_mean"].iloc[0]) not in str(refused.value)


def test_columns_of_any_numeric_type_are_accepted(environment: Path, frame: pd.DataFrame) -> None:
    champions.make_champion(environment / "results")
    model = wdbc.champion()
    expected = model.predict_proba(frame)
    for kind in (object, "Float64", "category", pd.ArrowDtype(pa.float64())):
        np.testing.assert_array_equal(model.predict_proba(frame.astype({"radius_mean": kind})), expected)
