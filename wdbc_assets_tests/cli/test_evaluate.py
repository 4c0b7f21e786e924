"""`wdbc evaluate` as people type it: figures with floors, done folds kept, the same value for any number of workers."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wdbc_assets import settings
from wdbc_assets.storage.store import open_store
from wdbc_assets_tests.cli.test_run import wdbc

pytestmark = pytest.mark.slow


def parts(folder: Path) -> set[str]:
    return {path.name for path in (folder / "results/cross_validation/parts").rglob("*.json")}


def test_an_evaluation_that_is_stopped_goes_on_from_the_folds_that_are_done(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "wdbc_assets", "evaluate", "--workers", "2"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        deadline = time.monotonic() + 100
        while len(parts(tmp_path)) < 3 and time.monotonic() < deadline:
            time.sleep(0.1)
        os.killpg(running.pid, signal.SIGINT)  # as a terminal sends it, to the workers too
        _, told = running.communicate(timeout=60)
    assert running.returncode == 130, told
    assert "Traceback" not in told
    kept = parts(tmp_path)
    assert 3 <= len(kept) < 60
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "results").rglob("*-*-*.json")}

    again = wdbc("evaluate", "--workers", "1")
    assert again.returncode == 0, again.stderr
    assert f"{len(kept)} of 60 folds were done before" in again.stderr
    assert len(parts(tmp_path)) == 60
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    assert "seed_baseline" in again.stdout
    assert "missed" not in again.stdout
    assert "logistic - seed_baseline" in again.stdout

    store = open_store(settings.load().storage, relative_to=tmp_path)
    version = store.handle("cross_validation").passport.version
    assert "unchanged" in wdbc("evaluate").stdout
    anew = wdbc("evaluate", "--workers", "2", "--force", WDBC_STORAGE=str(tmp_path / "other"))
    assert anew.returncode == 0, anew.stderr
    assert json.loads((tmp_path / "other/cross_validation/current.json").read_text())["version"] == version
