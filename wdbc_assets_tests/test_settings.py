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
        ("WDBC_OWNER", "two\nlines"),
        ("WDBC_OWNER", "x" * 201),
        ("WDBC_IMPORTANCE_REPEATS", "0"),
        ("WDBC_BOOTSTRAP_REFITS", "9"),
        ("WDBC_LEARNING_SPLITS", "1"),
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


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"WDBC_TEST_SIZE": "2"}, "Correct it, or remove it to use the default: WDBC_TEST_SIZE=0.2"),
        (
            {"WDBC_KEEP_BATCHES_DAYS": "-1"},
            "Correct it, or remove it; by default WDBC_KEEP_BATCHES_DAYS is not set",
        ),
        (
            {"WDBC_TEST_SIZE": "2", "WDBC_OWNER": "x" * 201},
            "Correct it, or remove it to use the default: WDBC_TEST_SIZE=0.2; by default WDBC_OWNER is not set",
        ),
    ],
)
def test_the_hint_states_a_default_only_if_it_is_a_value_to_type(
    monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str], hint: str
) -> None:
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(WdbcError) as caught:
        settings.load()
    assert caught.value.hint == hint


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
    monkeypatch.setattr(settings.locations, "project_root", lambda: tmp_path)
    home = settings.ensure_home()
    assert home == tmp_path / ".dagster_home"
    assert os.environ["DAGSTER_HOME"] == str(home)
    assert (home / "dagster.yaml").samefile(settings.INSTANCE_FILE)


def test_a_home_whose_configuration_moved_away_is_configured_again(environment: Path) -> None:
    home = settings.ensure_home()
    (home / "dagster.yaml").unlink()
    (home / "dagster.yaml").symlink_to(environment / "an earlier checkout" / "dagster.yaml")
    (home / "history").mkdir()
    settings.ensure_home()
    assert (home / "dagster.yaml").samefile(settings.INSTANCE_FILE)


def test_the_limit_of_a_run_is_the_instances_or_the_shipped_one(environment: Path) -> None:
    file = environment / "home" / "dagster.yaml"
    assert settings.run_limit_seconds() == 3600
    file.parent.mkdir()
    file.write_text("run_monitoring: {max_runtime_seconds: 60}")
    assert settings.run_limit_seconds() == 60
    file.write_text("telemetry: {enabled: false}")
    assert settings.run_limit_seconds() == 3600


@pytest.mark.parametrize(
    "text", ["run_monitoring: {max_runtime_seconds: soon}", "run_monitoring: [1]", "- 1", "a: [", "\x00"]
)
def test_a_limit_that_is_no_number_is_refused_by_its_file(environment: Path, text: str) -> None:
    file = environment / "home" / "dagster.yaml"
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(WdbcError, match="run limit cannot be read") as refused:
        settings.run_limit_seconds()
    assert refused.value.where == str(file)


@pytest.mark.fault("O08")
def test_a_home_that_cannot_be_written_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(WdbcError, match="home cannot be written") as caught:
        settings.ensure_home()
    assert "DAGSTER_HOME" in caught.value.hint


@pytest.fixture
def env_file(environment: Path) -> Path:
    return environment / ".env"


@pytest.mark.fault("O10")
@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        ("WDBC_SOURCE=uci\n\nWDBC_SOURCE_SHA265=00\n", "unknown setting WDBC_SOURCE_SHA265; did you mean", 3),
        ("wdbc_source=uci\n", "unknown setting wdbc_source; did you mean WDBC_SOURCE", 1),
        ("export WDBC_FOLD=3\n", "did you mean WDBC_FOLDS", 1),
        ("WBDC_SOURCE_SHA256=00\n", "did you mean WDBC_SOURCE_SHA256", 1),
        ("WDBC-SOURCE-SHA256=00\n", "did you mean WDBC_SOURCE_SHA256", 1),
        ("DAGSTER_HOM=/tmp\n", "did you mean DAGSTER_HOME", 1),
        ("WDBC_ANYTHING_ELSE=1\n", "unknown setting WDBC_ANYTHING_ELSE", 1),
        ("# fine\nWDBC_SOURCE: uci\n", "the line is not of the form NAME=value|unknown setting", 2),
        ("WDBC_SOURCE uci\n", "the line is not of the form NAME=value", 1),
        ('WDBC_SOURCE="uci\n', "the line is not of the form NAME=value", 1),
        ("OTHER=1\nWDBC_SOURCE\n", "WDBC_SOURCE has no value", 2),
        ("WDBC_FOLDS=3\nOTHER=1\nWDBC_FOLDS=4\n", "WDBC_FOLDS is already set in line 1", 3),
        ("WDBC_FOLDS=3\r\nWDBC_FOLD=4\r\n", "did you mean WDBC_FOLDS", 2),
        ("\n\nWDBC_FOLDS=1\n", "WDBC_FOLDS: Input should be greater than or equal to 2", 3),
    ],
)
def test_what_is_wrong_in_the_env_file_is_refused_with_its_line(
    env_file: Path, text: str, what: str, line: int
) -> None:
    env_file.write_bytes(text.encode())
    with pytest.raises(WdbcError, match=what) as caught:
        settings.load()
    assert caught.value.where == f"{env_file}, line {line}"
    assert caught.value.hint


def test_names_of_others_in_the_env_file_are_left_alone(env_file: Path) -> None:
    env_file.write_bytes(b"\xef\xbb\xbfWDBC_FOLDS='7' # seven\nOTHER\nOTHER=1\nOTHER=2\nDAGSTER_HOME=/tmp\nWDB=1\n")
    assert settings.load().folds == 7


def test_the_environment_wins_over_the_env_file_and_is_named_where_it_is_wrong(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file.write_text('WDBC_FOLDS="${WDBC_FOLDS:-7}"\nWDBC_TEST_SIZE=0.3\n')
    monkeypatch.setenv("WDBC_TEST_SIZE", "0.4")
    assert (settings.load().folds, settings.load().test_size) == (7, 0.4)
    monkeypatch.setenv("WDBC_TEST_SIZE", "2")
    with pytest.raises(WdbcError, match="WDBC_TEST_SIZE") as caught:
        settings.load()
    assert caught.value.where == "the environment"
    assert "WDBC_TEST_SIZE=0.2" in caught.value.hint
    monkeypatch.setenv("WDBC_SHOW_VALUES", "perhaps")
    with pytest.raises(WdbcError, match="use true or false"):
        settings.load()


@pytest.mark.fault("O20")
@pytest.mark.parametrize("mode", [0o602, 0o606, 0o666])
def test_an_env_file_that_everybody_may_write_is_refused(env_file: Path, mode: int) -> None:
    env_file.write_text("")
    env_file.chmod(mode)
    with pytest.raises(WdbcError, match="is writable by every user") as caught:
        settings.load()
    assert caught.value.where == str(env_file)
    env_file.chmod(0o644)
    settings.load()


@pytest.mark.fault("O20")
def test_an_env_file_of_another_user_is_refused(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env_file.write_text("WDBC_FOLDS=3\n")
    owner = env_file.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if owner == 0:  # root's file is trusted by everybody; where the tests are root's, the file can be given away
        assert settings.load().folds == 3
        os.chown(env_file, 4711, -1)
    with pytest.raises(WdbcError, match="belongs to another user"):
        settings.load()
    monkeypatch.delenv("DAGSTER_HOME")
    with pytest.raises(WdbcError, match="belongs to another user"):
        settings.ensure_home()


@pytest.mark.fault("O20")
def test_an_env_file_that_is_no_text_file_is_refused_and_never_waited_for(env_file: Path) -> None:
    env_file.mkdir()
    with pytest.raises(WdbcError, match="is not a regular file"):
        settings.load()
    env_file.rmdir()
    os.mkfifo(env_file)
    with pytest.raises(WdbcError, match="is not a regular file"):
        settings.load()
    env_file.unlink()
    env_file.write_bytes("WDBC_ACTOR=Jürgen".encode("latin-1"))
    with pytest.raises(WdbcError, match="is not UTF-8 text"):
        settings.load()
    env_file.unlink()
    env_file.symlink_to(env_file)
    with pytest.raises(WdbcError, match="cannot be read: Too many levels"):
        settings.load()
    env_file.unlink()
    env_file.symlink_to(os.devnull)
    settings.load()


@pytest.mark.fault("O21")
@pytest.mark.parametrize(
    "name",
    [
        "WDBC_SERVICE_HOST",
        "WDBC_SERVICE_PORT",
        "WDBC_SERVICE_PORT_HTTP",
        "WDBC_PORT",
        "WDBC_PORT_8000_TCP",
        "WDBC_PORT_8000_TCP_PROTO",
        "WDBC_PORT_53_UDP_ADDR",
        "WDBC_SERVE_SERVICE_HOST",
        "WDBC_SERVE_PORT_8000_TCP_PORT",
        "WDBC_SERVE_CANARY_PORT",
    ],
)
def test_variables_that_kubernetes_gives_to_its_containers_are_ignored(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "tcp://10.0.0.1:8000")
    settings.load()
    monkeypatch.setenv(f"{name}x", "1")
    with pytest.raises(WdbcError, match="unknown setting"):
        settings.load()


@pytest.mark.fault("O21")
def test_an_address_of_kubernetes_is_not_taken_for_a_number(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_SERVE_PORT", "tcp://10.0.0.1:8000")
    assert settings.load().serve_port == 8000
    env_file.write_text('WDBC_SERVE_PORT="${WDBC_SERVE_PORT:-8000}"\n')
    assert settings.load().serve_port == 8000
    monkeypatch.setenv("WDBC_SERVE_PORT", "8001")
    assert settings.load().serve_port == 8001
    monkeypatch.setenv("WDBC_SERVE_BREACHES", "tcp://10.0.0.1:8000")
    with pytest.raises(WdbcError, match="WDBC_SERVE_BREACHES"):
        settings.load()


@pytest.mark.fault("X15")
def test_the_acting_user_is_named_in_one_harmless_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ann\n  9  forged\x1b[2K")
    assert settings.load().acting_as() == r"ann 9 forged\x1b[2K"
    for hostile in ("\x1b[2K", "a\u202eb", "\x9b"):
        monkeypatch.setenv("WDBC_ACTOR", hostile)
        with pytest.raises(WdbcError, match="WDBC_ACTOR"):
            settings.load()


@pytest.mark.fault("X11")
def test_a_home_that_is_made_belongs_to_its_owner_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "new" / "home"))
    assert settings.ensure_home().stat().st_mode & 0o777 == 0o700


def test_a_home_with_a_key_but_without_a_history_gets_its_configuration() -> None:
    settings.home().mkdir()
    (settings.home() / "pseudonym.key").write_bytes(b"0" * 32)
    assert (settings.ensure_home() / "dagster.yaml").exists()
