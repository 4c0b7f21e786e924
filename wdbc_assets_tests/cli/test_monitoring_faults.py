"""`wdbc monitor` under attack, as real processes: two at once, and a store that is moved away in the middle."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from wdbc_assets.monitoring.outcome_files import open_files
from wdbc_assets.store.store import Store
from wdbc_assets_tests import monitored

SETTLED = 5.2
"""Seconds after which a file counts as whole in a process whose settle time no test can change."""

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("inbox")]


def started(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "wdbc_assets", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    output, _ = process.communicate(timeout=120)
    return process.returncode, output


def wait_for(inbox: Path, seeds: range) -> None:
    """Put batches into the inbox, old enough to be whole."""
    for seed in seeds:
        monitored.put(inbox, f"{seed}.csv", monitored.patients(60, seed))
    time.sleep(SETTLED)


@pytest.mark.fault("D16")
def test_two_at_once_take_up_each_batch_once(store: Store, inbox: Path) -> None:
    wait_for(inbox, range(2))
    both = [started("monitor", "--json") for _ in range(2)]
    results = [ended(process) for process in both]
    assert [code for code, _ in results] == [0, 0], results
    assert sorted(path.name for path in inbox.iterdir()) == ["taken"]
    assert len(list((inbox / "taken").iterdir())) == 2
    for asset in ("incoming_batch", "predictions", "drift_report"):
        assert len(store.partitions(asset)) == 2
        assert len(list(Path(store.url, asset, "versions").iterdir())) == 2
    reports = [store.handle("drift_report", partition=batch).load() for batch in store.partitions("drift_report")]
    assert [report.earlier_batches for report in reports] == [0, 1]


@pytest.mark.nightly
@pytest.mark.fault("D16")
def test_outcomes_that_two_record_at_once_are_each_recorded_once(store: Store, inbox: Path, tmp_path: Path) -> None:
    wait_for(inbox, range(1))
    assert ended(started("monitor"))[0] == 0
    known = monitored.patients(60, 0).assign(known_at="2026-03-31")[["id", "diagnosis", "known_at"]]
    for name, rows in (("first", known[:40]), ("second", known[20:])):
        rows.to_csv(tmp_path / f"{name}.csv", index=False)
    for _ in range(2):
        both = [started("outcomes", "add", str(tmp_path / f"{name}.csv")) for name in ("first", "second")]
        for code, output in [ended(process) for process in both]:
            assert "40 outcomes delivered" in output
            assert "Traceback" not in output
            assert code == 0 or "another run changed outcomes meanwhile" in output, output
    code, output = ended(started("live"))
    assert code == 0, output
    assert "60 of 60 patients have a known outcome" in output
    assert "corrected" not in output
    assert open_files().waiting() == []
    events = store.handle("outcomes").load()
    assert (len(events), events["id"].nunique()) == (60, 60)


@pytest.mark.fault("O24")
def test_a_store_that_is_moved_away_in_the_middle_loses_no_batch(store: Store, inbox: Path) -> None:
    wait_for(inbox, range(3))
    process = started("monitor")
    folder = Path(store.url)
    while not (inbox / "taken").exists():
        assert process.poll() is None, ended(process)
        time.sleep(0.01)
    folder.rename(folder.with_name("elsewhere"))
    code, output = ended(process)
    assert (code, "Traceback" in output) == (1, False)
    assert "it was moved or emptied" in output
    assert len(list(inbox.glob("*.csv"))) >= 1, "the inbox keeps what is not stored"
    assert not folder.exists(), "no store is begun in its place"
    folder.with_name("elsewhere").rename(folder)
    code, output = ended(started("monitor"))
    assert code == 0, output
    assert len(store.partitions("drift_report")) == 3
