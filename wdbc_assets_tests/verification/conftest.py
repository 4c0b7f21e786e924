"""A store made by a real run from a file, which tests verify after a change."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wdbc_assets import settings, verification
from wdbc_assets.pipeline import specs
from wdbc_assets.store.store import Store, open_store
from wdbc_assets.verification import AssetVerification
from wdbc_assets_tests import builders

Verify = Callable[..., dict[str, AssetVerification]]


@pytest.fixture(scope="session")
def made_from_a_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verified")
    (folder / "wdbc.data").write_bytes(builders.bundled_uci_bytes())
    places = {
        "WDBC_STORAGE": str(folder / "results"),
        "WDBC_LOG": str(folder / "wdbc.jsonl"),
        "DAGSTER_HOME": str(folder / "home"),
    }
    command = [sys.executable, "-m", "wdbc_assets", "run", "--source", str(folder / "wdbc.data")]
    run = subprocess.run(command, env=os.environ | places, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture
def source(made_from_a_file: Path) -> Iterator[Path]:
    """The source file of the store; changes by a test are reverted."""
    path = made_from_a_file / "wdbc.data"
    content = path.read_bytes()
    yield path
    path.write_bytes(content)


@pytest.fixture
def folder(made_from_a_file: Path, tmp_path: Path) -> Path:
    """The folder of a store private to the test, with the five assets of the job `train`."""
    shutil.copytree(made_from_a_file / "results", tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def store(folder: Path) -> Store:
    return open_store(str(folder), relative_to=folder)


@pytest.fixture
def verify(store: Store) -> Verify:
    """Verify assets (by default all five) under the current settings; return the findings by asset."""

    def findings(*assets: str, deep: bool = False) -> dict[str, AssetVerification]:
        results = verification.verify(store, settings.load(), assets or specs.JOBS["train"], deep=deep)
        return {finding.asset: finding for finding in results}

    return findings
