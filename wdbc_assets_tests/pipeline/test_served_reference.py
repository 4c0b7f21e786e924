"""Tests of the reference of the service: the one of the drift report, built elsewhere, read with numpy alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import batch_functions, served_files, served_reference
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests import monitored

_HEAVY = ("pandas", "sklearn", "scipy", "pyarrow", "dagster")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return monitored.make_store(tmp_path_factory.mktemp("results"))


@pytest.fixture
def store(made: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("WDBC_STORAGE", made.url)
    return made


def test_the_reference_is_that_of_the_drift_report_and_is_built_again_if_damaged(store: Store) -> None:
    clean_frame, evaluated = (store.handle(name).load() for name in ("clean_frame", "cross_validation"))
    expected = batch_functions.drift_reference(clean_frame, evaluated, monitored.RECIPE)
    key = served_reference.key(store, monitored.RECIPE)
    served_reference.build(store, monitored.RECIPE)
    loaded = served_reference.load(key, monitored.RECIPE)
    assert loaded.digest == expected.digest
    assert (loaded.rows, loaded.prevalence) == (expected.rows, expected.prevalence)
    assert (loaded.whitening == expected.whitening).all()
    (path,) = served_files.open_files().folder.glob("reference-*.npz")
    path.write_bytes(path.read_bytes()[:1000])
    assert served_reference.load(key, monitored.RECIPE).digest == expected.digest


def test_reading_a_reference_imports_nothing_heavy(store: Store) -> None:
    served_reference.build(store, monitored.RECIPE)
    code = (
        "import sys; from wdbc_assets.pipeline import served_reference as r; from wdbc_assets import settings;"
        f"k = r.key(settings.load().open_store(), '{monitored.RECIPE}'); assert r.load(k, '{monitored.RECIPE}').rows;"
        f"print({{*{_HEAVY}}} & set(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "set()"


def test_a_recipe_that_was_not_evaluated_is_refused_with_what_to_do(store: Store) -> None:
    key = served_reference.key(store, "svc")
    with pytest.raises(WdbcError, match="the recipe svc has no out-of-fold predictions") as refused:
        served_reference.load(key, "svc")
    assert "wdbc evaluate" in refused.value.hint


def test_without_an_evaluation_there_is_no_reference(environment: Path) -> None:
    with pytest.raises(WdbcError, match="clean_frame has never been materialized"):
        served_reference.key(open_store(str(environment / "empty"), relative_to=environment), monitored.RECIPE)


def test_a_home_that_cannot_be_written_is_an_error_with_its_reason(store: Store, environment: Path) -> None:
    (environment / "home").touch()
    with pytest.raises(WdbcError, match="Dagster's home cannot be written"):
        served_reference.load(served_reference.key(store, monitored.RECIPE), monitored.RECIPE)
