"""The installed package, without its checkout: `wdbc run` and `wdbc ui` in an empty folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wdbc_assets import settings
from wdbc_assets_tests.ui import dagster_ui

pytestmark = pytest.mark.slow

SOURCES = ("wdbc_assets", "pyproject.toml", "setup.py", "README.md", "LICENSE")


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """An environment in which Python finds the package as its wheel installs it, and no setting."""
    sources = tmp_path / "sources"
    sources.mkdir()
    for name in SOURCES:  # a build leaves files in the folder of its sources
        origin = settings.project_root() / name
        copy = shutil.copytree if origin.is_dir() else shutil.copy
        copy(origin, sources / name)
    offline = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    site = tmp_path / "site"
    pip = dagster_ui.command("pip", "install", *offline, "--target", str(site), str(sources))
    subprocess.run(pip, check=True, capture_output=True)
    surroundings = dagster_ui.surroundings(tmp_path)
    chosen = ("WDBC_", "DAGSTER_")
    return {name: value for name, value in surroundings.items() if not name.startswith(chosen)} | {
        "PYTHONPATH": str(site)
    }


def test_in_an_empty_folder_the_installed_package_runs_and_shows_its_ui(
    installed: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    where = [sys.executable, "-c", "import wdbc_assets; print(wdbc_assets.__file__)"]
    found = subprocess.run(where, cwd=folder, env=installed, check=True, capture_output=True, text=True).stdout
    assert found.startswith(installed["PYTHONPATH"] + os.sep)

    run = dagster_ui.command("wdbc_assets", "run", "--grid", "small")
    subprocess.run(run, cwd=folder, env=installed, check=True, capture_output=True)
    assert (folder / "results" / "metrics" / "current.json").is_file()
    home = folder / ".dagster_home"
    with dagster_ui.running_ui(installed | {"DAGSTER_HOME": str(home)}, cwd=folder) as ui:
        info = ui.ask("{ instance { info } runsOrError { ... on Runs { results { status } } } }")
    assert [run["status"] for run in info["runsOrError"]["results"]] == ["SUCCESS"]
    assert "telemetry:\n  enabled: false" in (info["instance"]["info"] or "")
