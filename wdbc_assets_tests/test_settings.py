"""The settings: each wrong form gets one line that names the variable, and no value that may be a secret."""

import os
from pathlib import Path

import pytest

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError


def test_an_option_wins_over_the_environment_which_wins_over_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.load().test_size == 0.2
    monkeypatch.setenv("WDBC_TEST_SIZE", "0.3")
    assert settings.load().test_size == 0.3
    assert settings.load(test_size=0.4).test_size == 0.4


@pytest.mark.fault("T03")
@pytest.mark.fault("O10")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WDBC_TEST_SIZE", "1.5"),
        ("WDBC_TEST_SIZE", "a fifth"),
        ("WDBC_TEST_SIZE", "nan"),
        ("WDBC_SPLIT_SEED", "-1"),
        ("WDBC_RECIPE", "magic"),
        ("WDBC_GRID", "huge"),
        ("WDBC_FOLDS", "1"),
        ("WDBC_BOOTSTRAP", "0"),
        ("WDBC_RECALL_TARGET", "1.01"),
        ("WDBC_REFERRAL_ALPHA", "0"),
        ("WDBC_POLICY_FOLDS", "1"),
        ("WDBC_POLICY_SEED", "-1"),
        ("WDBC_IMPORTANCE_REPEATS", "1"),
        ("WDBC_IMPORTANCE_SEED", "4294967296"),
        ("WDBC_STORAGE", ""),
        ("WDBC_TOTAL_SECONDS", "inf"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_variable_and_not_the_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(WdbcError, match=name) as caught:
        settings.load()
    assert "\n" not in caught.value.what
    assert value == "" or repr(value) not in caught.value.what


@pytest.mark.fault("S17")
def test_a_mistyped_name_is_refused_with_the_name_that_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_SORCE", "uci")
    with pytest.raises(WdbcError, match="unknown setting WDBC_SORCE; did you mean WDBC_SOURCE"):
        settings.load()


def test_parameters_of_an_asset_are_the_settings_overruled_by_the_runs_configuration() -> None:
    parameters = settings.parameters_of(settings.SplitParameters, settings.load(), {"test_size": 0.25})
    assert (parameters.test_size, parameters.split_seed) == (0.25, 42)
    with pytest.raises(WdbcError, match="WDBC_TEST_SIZE"):
        settings.parameters_of(settings.SplitParameters, settings.load(), {"test_size": 2.0})


@pytest.mark.fault("O08")
def test_without_a_home_of_dagsters_the_project_has_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DAGSTER_HOME")
    monkeypatch.setattr(settings.folders, "project_root", lambda: tmp_path)
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    home = settings.ensure_home()
    assert home == tmp_path / ".dagster_home"
    assert os.environ["DAGSTER_HOME"] == str(home)
    assert (home / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"


@pytest.mark.fault("O08")
def test_a_home_that_cannot_be_written_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(WdbcError, match="home cannot be written") as caught:
        settings.ensure_home()
    assert "DAGSTER_HOME" in caught.value.mend
