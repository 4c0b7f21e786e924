"""The Makefile, with a fake Python that only records its calls.

`.ci/run` tests a real installation, from a clean clone.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parent.parent

PYTHON = """\
#!/bin/sh
echo "${PYTHONDONTWRITEBYTECODE:+uncached }$(basename "$0") $*" >> "$CALLS"
case "$1 $2" in
  "-c "*) exit "${UNFIT:-0}";;
  "-m venv") mkdir -p "$3/bin"; for tool in python wdbc pytest; do cp "$0" "$3/bin/$tool"; done;;
  "-m pip") exit "${PIP_FAILS:-0}";;
esac
"""
VENV = "python -m venv .venv"
PIP = "python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements-pip.lock"
RUNTIME = "python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements.lock"
EDITABLE = "python -m pip --disable-pip-version-check --quiet install --no-deps --no-build-isolation --editable ."
DEV = f"{RUNTIME} -r requirements-dev.lock"
PYTEST = "pytest --numprocesses auto --dist worksteal"


class Project:
    """A fresh clone in a folder whose name contains a space, and the fake Python beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "my project"
        self.folder.mkdir()
        for name in ("Makefile", "pyproject.toml", "setup.py", ".env.example"):
            shutil.copy(ROOT / name, self.folder)
        (self.folder / "wdbc_assets").mkdir()
        shutil.copy(ROOT / "wdbc_assets" / "dagster.yaml", self.folder / "wdbc_assets")
        for name in ("requirements.lock", "requirements-dev.lock", "requirements-pip.lock"):
            (self.folder / name).touch()
        self.python = folder / "python"
        self.python.write_text(PYTHON)
        self.python.chmod(0o755)
        self.calls = folder / "calls"

    def make(self, *arguments: str, **variables: str) -> tuple[int, list[str], str]:
        """Return make's exit code, the calls that it made, and its stderr."""
        self.calls.write_text("")
        environment = {"PATH": os.environ["PATH"], "CALLS": str(self.calls), "PYTHON": str(self.python), **variables}
        command = ["make", *arguments]
        ended = subprocess.run(
            command, check=False, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=60
        )
        calls = [call.rstrip() for call in self.calls.read_text().splitlines()]
        return ended.returncode, [call for call in calls if not call.startswith("python -c ")], ended.stderr

    def change(self, name: str) -> None:
        """Make a file newer than everything built from it."""
        later = self.folder.stat().st_mtime + 60
        os.utime(self.folder / name, (later, later))

    def home(self) -> str | None:
        """Return the folder where `dagster`, run by hand, looks for its history."""
        return dotenv_values(self.folder / ".env")["DAGSTER_HOME"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("DAGSTER_HOME")
    return Project(tmp_path)


def test_the_first_run_installs_by_hash_and_the_second_does_nothing_but_run(project: Project) -> None:
    assert project.make("run")[:2] == (0, [VENV, PIP, RUNTIME, EDITABLE, "wdbc run"])
    assert project.make("run")[:2] == (0, ["wdbc run"])


def test_the_tests_add_the_development_tools_once(project: Project) -> None:
    assert project.make("run")[0] == 0
    assert project.make("test")[:2] == (0, [DEV, PYTEST])
    assert project.make("test", "ARGS=-k store")[:2] == (0, [f"{PYTEST} -k store"])
    assert project.make("run")[:2] == (0, ["wdbc run"])


def test_the_port_of_the_ui_can_be_chosen(project: Project) -> None:
    project.make("run")
    assert project.make("ui")[1] == ["wdbc ui --port 3000"]
    assert project.make("ui", "PORT=3001")[1] == ["wdbc ui --port 3001"]


@pytest.mark.fault("X12")
def test_a_new_lock_recreates_the_environment_a_new_pyproject_only_reinstalls(project: Project) -> None:
    project.make("run")
    project.change("pyproject.toml")
    assert project.make("run")[1] == [EDITABLE, "wdbc run"]
    project.change("requirements.lock")
    assert project.make("run")[1][:3] == [VENV, PIP, RUNTIME]


def test_bytecode_is_cached_even_if_the_environment_disables_it(project: Project) -> None:
    assert project.make("run", PYTHONDONTWRITEBYTECODE="1")[1] == [VENV, PIP, RUNTIME, EDITABLE, "wdbc run"]


def test_an_interrupted_installation_starts_over(project: Project) -> None:
    code, calls, _ = project.make("run", PIP_FAILS="1")
    assert (code, calls) == (2, [VENV, PIP])
    assert project.make("run")[:2] == (0, [VENV, PIP, RUNTIME, EDITABLE, "wdbc run"])


def test_without_a_suitable_python_one_line_states_the_requirements(project: Project) -> None:
    for variables in ({"PYTHON": "no-such-python nor-this"}, {"UNFIT": "1"}):
        code, _, complaint = project.make("run", **variables)
        assert code == 2
        assert complaint.splitlines()[0].startswith("Python 3.11 or later with venv is needed; tried: ")
        assert len(complaint.splitlines()) == 2  # the other is make's own
        assert not (project.folder / ".venv").exists()


def test_the_first_suitable_python_is_used(project: Project) -> None:
    code, calls, output = project.make("run", PYTHON=f"no-such-python {project.python}")
    assert (code, calls[0]) == (0, VENV)
    assert f"Creating .venv with {project.python}" in output


@pytest.mark.fault("O08")
def test_dagster_run_by_hand_uses_the_history_inside_the_project(project: Project) -> None:
    project.make("run")
    home = project.folder / ".dagster_home"
    assert project.home() == str(home)
    assert (home / "dagster.yaml").samefile(project.folder / "wdbc_assets" / "dagster.yaml")


@pytest.mark.fault("O08")
def test_an_exported_home_wins_over_the_projects(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.make("run")
    monkeypatch.setenv("DAGSTER_HOME", "/elsewhere")
    assert project.home() == "/elsewhere"


def test_a_moved_project_is_installed_again_and_uses_its_history_there(project: Project) -> None:
    project.make("run")
    with (project.folder / ".env").open("a") as env:
        env.write("WDBC_FOLDS=7\n")
    project.folder = project.folder.rename(project.folder.with_name("moved"))
    assert project.make("run")[1] == [VENV, PIP, RUNTIME, EDITABLE, "wdbc run"]
    assert project.home() == str(project.folder / ".dagster_home")
    assert dotenv_values(project.folder / ".env")["WDBC_FOLDS"] == "7"


def test_the_users_own_settings_are_kept(project: Project) -> None:
    own = "DAGSTER_HOME=/srv/history\nWDBC_SOURCE=uci\n"
    (project.folder / ".env").write_text(own)
    (project.folder / ".env").chmod(0o640)
    project.make("run")
    assert (project.folder / ".env").read_text() == own
    assert (project.folder / ".env").stat().st_mode & 0o777 == 0o640


def test_only_the_owner_can_read_the_settings(project: Project) -> None:
    project.make("run")
    assert (project.folder / ".env").stat().st_mode & 0o077 == 0


def test_clean_keeps_the_results_of_a_run(project: Project) -> None:
    project.make("run")
    for name in ("results", "logs"):
        (project.folder / name).mkdir()
    assert project.make("clean")[0] == 0
    assert not (project.folder / ".venv").exists()
    assert all((project.folder / name).exists() for name in ("results", "logs", ".env", ".dagster_home"))
