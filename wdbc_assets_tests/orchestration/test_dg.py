"""Dagster's `dg` works in a checkout: `[tool.dg]` in pyproject.toml says where the definitions are."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wdbc_assets import settings
from wdbc_assets.pipeline import specs

pytestmark = pytest.mark.slow

ENVIRONMENT = Path(sys.executable).parent


@pytest.fixture(autouse=True)
def home(environment: Path) -> None:
    (environment / "home").mkdir()
    shutil.copy(settings.INSTANCE_FILE, environment / "home" / "dagster.yaml")


def dg(*arguments: str) -> str:
    """Run `dg` in the project's folder, with its environment active; return what it printed to standard output."""
    done = subprocess.run(
        [ENVIRONMENT / "dg", *arguments],
        check=False,
        cwd=settings.project_root(),
        env=os.environ | {"VIRTUAL_ENV": str(ENVIRONMENT.parent), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_configuration_and_the_definitions_are_valid() -> None:
    dg("check", "toml")
    assert "All definitions loaded successfully" in dg("check", "defs")


def test_every_asset_is_listed() -> None:
    listed = json.loads(dg("list", "defs", "--json"))
    assert {asset["asset_key"] for asset in listed["assets"]} == set(specs.ASSETS)


def test_assets_are_materialized_by_name(environment: Path) -> None:
    dg("launch", "--assets", "raw_data,clean_frame")
    assert (environment / "results" / "clean_frame" / "current.json").is_file()
