"""The Makefile, with a Python that only writes down what it is asked to do.

What a real installation gives is proven by `.ci/run`, which begins with a clean clone.
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
    """A fresh clone, its path with a space in it, and the fake Python beside it."""

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
        """Return make's exit code, what was called by it, and what it wrote to stderr."""
        self.calls.write_text("")
        environment = {"PATH": os.environ["PATH"], "CALLS": str(self.calls), "PYTHON": str(self.python), **variables}
        command = ["make", *arguments]
        ended = subprocess.run(
            command, check=False, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=60
        )
        calls = [call.rstrip() for call in self.calls.read_text().splitlines()]
        return ended.returncode, [call for call in calls if not call.startswith("python -c ")], ended.stderr

    def change(self, name: str) -> None:
        """Make a file newer than anything that was made from it."""
        later = self.folder.stat().st_mtime + 60
        os.utime(self.folder / name, (later, later))

    def home(self) -> str | None:
        """Where `dagster`, typed by hand, will look for its history."""
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
def test_another_lock_makes_a_new_environment_and_another_pyproject_only_installs_the_package(project: Project) -> None:
    project.make("run")
    project.change("pyproject.toml")
    assert project.make("run")[1] == [EDITABLE, "wdbc run"]
    project.change("requirements.lock")
    assert project.make("run")[1][:3] == [VENV, PIP, RUNTIME]


def test_bytecode_is_cached_even_where_python_is_told_not_to(project: Project) -> None:
    assert project.make("run", PYTHONDONTWRITEBYTECODE="1")[1] == [VENV, PIP, RUNTIME, EDITABLE, "wdbc run"]


def test_an_interrupted_installation_begins_anew(project: Project) -> None:
    code, calls, _ = project.make("run", PIP_FAILS="1")
    assert (code, calls) == (2, [VENV, PIP])
    assert project.make("run")[:2] == (0, [VENV, PIP, RUNTIME, EDITABLE, "wdbc run"])


def test_without_a_fitting_python_one_line_says_what_is_needed(project: Project) -> None:
    for variables in ({"PYTHON": "no-such-python nor-this"}, {"UNFIT": "1"}):
        code, _, complaint = project.make("run", **variables)
        assert code == 2
        assert complaint.splitlines()[0].startswith("Python 3.11 or later with venv is needed; tried: ")
        assert len(complaint.splitlines()) == 2  # the other is make's own
        assert not (project.folder / ".venv").exists()


def test_the_first_python_that_fits_is_taken(project: Project) -> None:
    code, calls, said = project.make("run", PYTHON=f"no-such-python {project.python}")
    assert (code, calls[0]) == (0, VENV)
    assert f"Making .venv with {project.python}" in said


@pytest.mark.fault("O08")
def test_dagster_by_hand_finds_the_history_inside_the_project(project: Project) -> None:
    project.make("run")
    home = project.folder / ".dagster_home"
    assert project.home() == str(home)
    assert (home / "dagster.yaml").samefile(project.folder / "wdbc_assets" / "dagster.yaml")


@pytest.mark.fault("O08")
def test_an_exported_home_wins_over_the_projects(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.make("run")
    monkeypatch.setenv("DAGSTER_HOME", "/elsewhere")
    assert project.home() == "/elsewhere"


def test_a_moved_project_installs_again_and_finds_its_history_where_it_is_now(project: Project) -> None:
    project.make("run")
    with (project.folder / ".env").open("a") as env:
        env.write("WDBC_FOLDS=7\n")
    project.folder = project.folder.rename(project.folder.with_name("moved"))
    assert project.make("run")[1] == [VENV, PIP, RUNTIME, EDITABLE, "wdbc run"]
    assert project.home() == str(project.folder / ".dagster_home")
    assert dotenv_values(project.folder / ".env")["WDBC_FOLDS"] == "7"


def test_settings_of_the_users_own_are_left_alone(project: Project) -> None:
    own = "DAGSTER_HOME=/srv/history\nWDBC_SOURCE=uci\n"
    (project.folder / ".env").write_text(own)
    (project.folder / ".env").chmod(0o640)
    project.make("run")
    assert (project.folder / ".env").read_text() == own
    assert (project.folder / ".env").stat().st_mode & 0o777 == 0o640


def test_settings_which_may_hold_credentials_are_not_for_others_to_read(project: Project) -> None:
    project.make("run")
    assert (project.folder / ".env").stat().st_mode & 0o077 == 0


def test_cleaning_keeps_what_a_run_has_made(project: Project) -> None:
    project.make("run")
    for name in ("results", "logs"):
        (project.folder / name).mkdir()
    assert project.make("clean")[0] == 0
    assert not (project.folder / ".venv").exists()
    assert all((project.folder / name).exists() for name in ("results", "logs", ".env", ".dagster_home"))
