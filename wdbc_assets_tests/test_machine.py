"""What the machine refuses is what, where and a hint; what is a fault of the package stays one."""

import errno
import os
import tempfile
from pathlib import Path

import pytest

from wdbc_assets import machine, settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.orchestration import instance

pytestmark = pytest.mark.fault("O22")


def refused(error: BaseException) -> WdbcError:
    found = machine.refusal(error)
    assert found is not None
    assert found.hint
    assert "fault of wdbc" not in found.what
    return found


@pytest.mark.parametrize("number", [*machine._HINTS, errno.EXDEV])
def test_every_refusal_of_the_system_names_the_path_and_what_to_do(number: int) -> None:
    found = refused(OSError(number, os.strerror(number), "/some/path"))
    assert (found.what, found.where) == (f"the operating system reported an error: {os.strerror(number)}", "/some/path")


def test_a_full_disk_that_no_path_names_is_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(machine, "_is_full", lambda folder: folder == tmp_path)
    found = refused(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert found.where == f"TMPDIR={tmp_path}"


def test_a_current_folder_that_was_removed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(FileNotFoundError) as caught:
        Path.cwd()
    assert refused(caught.value).what == "the current folder no longer exists"
    monkeypatch.chdir(tmp_path)


def test_memory_and_what_another_error_was_raised_from_are_recognised() -> None:
    assert refused(MemoryError()).what == "there is not enough memory"
    outer = RuntimeError("a step failed")
    outer.__cause__ = OSError(errno.EMFILE, os.strerror(errno.EMFILE), "/x")
    assert "ulimit -n" in refused(outer).hint
    outer.__cause__ = WdbcError("the source is empty")
    assert machine.refusal(outer) is outer.__cause__


def test_a_fault_of_the_package_stays_one() -> None:
    assert machine.refusal(KeyError("x")) is None
    assert machine.refusal(OSError("without a number")) is None
    while_handling = ValueError("a bug, met while another error was handled")
    while_handling.__context__ = OSError(errno.ENOENT, "x")
    assert machine.refusal(while_handling) is None


@pytest.fixture(scope="module")
def whole_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("whole") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home))
        with instance.open_instance():
            pass
    return home


@pytest.fixture
def home(whole_home: Path, environment: Path) -> Path:
    import shutil

    return Path(shutil.copytree(whole_home, environment / "home", symlinks=True))


def open_instance() -> WdbcError:
    """Use each of Dagster's databases."""
    try:
        with instance.open_instance() as opened:
            opened.all_asset_keys()
            opened.all_instigator_state()
    except Exception as error:  # noqa: BLE001 -- SQLAlchemy's, or a refusal
        return refused(error)
    raise AssertionError("nothing was refused")


@pytest.mark.parametrize("name", ["history/runs.db", "history/runs/index.db", "schedules/schedules.db"])
@pytest.mark.parametrize("damage", ["garbage", "cut", "folder"])
def test_a_damaged_history_is_named_with_its_file(home: Path, name: str, damage: str) -> None:
    path = home / name
    if damage == "garbage":
        path.write_bytes(os.urandom(50_000))
    elif damage == "cut":
        os.truncate(path, 5000)
    else:
        path.unlink()
        path.mkdir()
    found = open_instance()
    assert found.what.startswith("Dagster's run history cannot be used: ")
    assert found.where == str(path)


@pytest.mark.parametrize(
    "text",
    [
        b"a: [",
        b"nonsense: true",
        b"run_storage: {module: no.such, class: X}",
        b"telemetry: 5",
        b"\xff\xfe\x00",
        b"storage: {sqlite: {base_dir: 5}}",
    ],
)
def test_a_wrong_dagster_yaml_is_named_with_what_is_wrong_in_it(home: Path, text: bytes) -> None:
    (home / "dagster.yaml").unlink(missing_ok=True)
    (home / "dagster.yaml").write_bytes(text)
    found = open_instance()
    assert found.what.startswith("Dagster cannot start with this configuration: ")
    assert found.where == str(home / "dagster.yaml")


@pytest.mark.fault("O08")
@pytest.mark.parametrize("name", ["file", "file/below", "/proc/nothing"])
def test_a_home_that_is_none_is_named(environment: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (environment / "file").write_text("")
    monkeypatch.setenv("DAGSTER_HOME", str(environment / name))
    assert open_instance().where == str(environment / name)
    assert settings.home() == environment / name
