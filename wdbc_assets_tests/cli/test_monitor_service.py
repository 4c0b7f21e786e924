"""`wdbc monitor --service` as people type it, and what damaged files and killed runs leave behind."""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from wdbc_assets import settings
from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.monitoring import served, streams
from wdbc_assets.domain.monitoring.served import ServedWindow
from wdbc_assets.domain.monitoring.streams import Reference
from wdbc_assets.monitoring.alerts import detectors
from wdbc_assets.monitoring.alerts.detectors import Watched
from wdbc_assets.pipeline import batch_functions
from wdbc_assets.pipeline.served_files import ServedFiles, open_files
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests import monitored
from wdbc_assets_tests.commands import document, typed
from wdbc_assets_tests.domain import validation

REPORT = ("monitor", "--service")


@cache
def reference() -> Reference:
    return batch_functions.drift_reference(validation.clean_frame(), monitored._evaluated(), monitored.RECIPE)


def leave(week: str, *, rows: int = 60, seed: int = 1, moved: float = 1.0, worker: str = "0a1b") -> ServedWindow:
    """Leave the sketch of a window, as a worker of the service does."""
    table = monitored.patients(rows, seed, moved="texture_mean", by=moved)
    scores = np.quantile(reference().values[-2], np.random.default_rng(seed).random(rows))
    made = streams.sketch(reference(), table[list(contract.FEATURES)].to_numpy(), scores)
    left = ServedWindow(week, reference().digest, monitored.RECIPE, ("v1",), made)
    open_files().put_window(left, worker)
    return left


def test_windows_that_ended_are_taken_up_compared_and_shown(store: Store) -> None:
    now = served.name_of(datetime.now(UTC), "weekly")
    leave(now, rows=70, seed=3)
    leave("2026-W40", seed=1)
    leave("2026-W40", seed=2, worker="beef")
    shown = typed(*REPORT).output
    assert "window 2026-W40: no drift" in shown
    assert "120 patients, 0 earlier windows with 0 patients, against 569 patients of the reference" in shown
    assert f"{now}, which goes on: 70 patients are on the disk so far" in shown
    leave("2026-W41", seed=4, moved=0.6)
    found = document(*REPORT)
    assert (found["windows"], found["in_progress"], found["damaged"]) == (["2026-W40", "2026-W41"], {now: 70}, [])
    assert (found["report"]["verdict"], found["report"]["earlier_batches"]) == ("drift", 1)
    assert "texture_mean" in {alarm["quantity"] for alarm in found["report"]["alarms"]}
    (alert,) = [one for one in detectors.detect(Watched(store, settings.load()), None) if one.cause == "drift"]
    assert alert.subject == "served_drift"


def test_a_damaged_window_alone_leaves_nothing_to_compare(store: Store) -> None:
    files = open_files()
    files.windows.mkdir(parents=True)
    (files.windows / "2026-W40_bad0_x.json").write_bytes(b"rubbish")
    ahead = served.name_of(datetime.now(UTC) + timedelta(days=30), "weekly")
    leave(ahead)  # the clock was set back since
    shown = typed(*REPORT, code=1).output
    assert "2026-W40_bad0_x.json: set aside" in shown
    assert "no window of the service has ended yet" in shown
    assert f"{ahead}, which goes on" in shown
    checks = {check.rule: check.passed for check in store.handle("served_windows").manifest.checks}
    assert checks == {"files_of_windows_are_readable": False}


@pytest.mark.fault("D16")
def test_a_run_that_is_killed_before_it_removes_the_files_counts_them_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave("2026-W40")
    with monkeypatch.context() as killed:
        killed.setattr(ServedFiles, "acknowledge", lambda *_: (_ for _ in ()).throw(WdbcError("killed")))
        typed(*REPORT, code=1)
    assert len(open_files().all_windows()) == 1
    leave("2026-W40", seed=2, worker="beef")
    assert document(*REPORT)["report"]["sketch"]["rows"] == 120
    assert open_files().all_windows() == []


def test_without_an_evaluation_windows_are_stored_and_the_error_says_what_to_run(environment: Path) -> None:
    leave("2026-W40")
    shown = typed(*REPORT, code=1).output
    assert "has never been materialized" in shown
    store = open_store(str(environment / "results"), relative_to=environment)
    assert len(store.handle("served_windows").load().windows) == 1
    assert open_files().all_windows() == []


def test_a_file_and_the_service_exclude_each_other(tmp_path: Path) -> None:
    assert "exclude each other" in typed(*REPORT, str(tmp_path / "x.csv"), code=2).output
