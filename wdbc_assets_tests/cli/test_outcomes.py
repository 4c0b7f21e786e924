"""`wdbc outcomes add` and `wdbc live` as people type them, and what a killed or concurrent run leaves behind."""

import contextlib
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from wdbc_assets import clock
from wdbc_assets.cli import wdbc
from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring.outcome_files import OutcomeFiles, open_files
from wdbc_assets.orchestration import launch
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.store import Store
from wdbc_assets_tests import monitored

KNOWN_AT = "2026-03-31"
pytestmark = pytest.mark.usefixtures("inbox")


def typed(*arguments: str) -> str:
    """Run a command, which must end well, and return what it printed."""
    result = CliRunner().invoke(wdbc, arguments)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def live(*arguments: str) -> Any:
    """Run a command that shows live metrics as JSON."""
    return json.loads(typed(*arguments, "--json"))["live_metrics"]


def outcomes_of(patients: pd.DataFrame, path: Path, *, known_at: str = KNOWN_AT, **other: str) -> str:
    """Write the diagnoses of patients, or `other` ones by id, as a file of outcomes."""
    ids = patients[contract.ID].astype(str)
    diagnoses = [other.get(name, diagnosis) for name, diagnosis in zip(ids, patients[contract.DIAGNOSIS], strict=True)]
    pd.DataFrame({"id": ids, "diagnosis": diagnoses, "known_at": known_at}).to_csv(path, index=False)
    return str(path)


def scored(tmp_path: Path, inbox: Path, seed: int = 1) -> pd.DataFrame:
    """Take up a batch, and return its patients with their diagnoses."""
    patients = monitored.patients(60, seed)
    monitored.put(inbox, f"{seed}.csv", patients)
    typed("monitor")
    return patients


@pytest.mark.fault("X09")
def test_outcomes_are_joined_with_predictions_under_pseudonyms(store: Store, inbox: Path, tmp_path: Path) -> None:
    patients = monitored.patients(60, 1).assign(id=range(8_675_309_000, 8_675_309_060))
    monitored.put(inbox, "batch.csv", patients)
    typed("monitor")
    file = outcomes_of(patients[:40], tmp_path / "outcomes.csv")
    shown = typed("outcomes", "add", file)
    assert "40 outcomes delivered" in shown
    assert "live metrics: too few to say" in shown
    assert "40 of 60 patients have a known outcome, in 1 week" in shown
    found = live("live")
    assert (found["known"], found["unknown_patients"], found["corrected"]) == (40, 0, 0)
    assert found["metrics"]["recall"]["value"] > 0.8
    assert open_files().waiting() == []
    stored = [path for place in ("results", "home", "logs") for path in (tmp_path / place).rglob("*") if path.is_file()]
    assert not [path for path in stored if b"8675309" in path.read_bytes()]


def test_outcomes_are_read_from_standard_input(store: Store, inbox: Path, tmp_path: Path) -> None:
    file = outcomes_of(scored(tmp_path, inbox), tmp_path / "outcomes.csv")
    result = CliRunner().invoke(wdbc, ["outcomes", "add", "-", "--json"], input=Path(file).read_bytes())
    assert json.loads(result.stdout)["live_metrics"]["known"] == 60
    refused = CliRunner().invoke(wdbc, ["outcomes", "add", "-"], input=b"name\nAda\n").exception
    assert isinstance(refused, WdbcError)
    assert "standard input" in refused.where


def test_outcomes_before_any_prediction_wait_for_it(store: Store, inbox: Path, tmp_path: Path) -> None:
    patients = monitored.patients(60, 1)
    file = outcomes_of(patients, tmp_path / "outcomes.csv")
    assert "no batch has been scored yet" in typed("outcomes", "add", file)
    scored(tmp_path, inbox)
    assert live("live")["known"] == 60


def test_the_same_file_again_records_nothing_twice(store: Store, inbox: Path, tmp_path: Path) -> None:
    file = outcomes_of(scored(tmp_path, inbox), tmp_path / "outcomes.csv")
    for _ in range(2):
        assert live("outcomes", "add", file)["known"] == 60
    assert len(store.handle("outcomes").load()) == 60


def test_corrections_and_contradictions_are_counted(store: Store, inbox: Path, tmp_path: Path) -> None:
    patients = scored(tmp_path, inbox)
    first, second = patients[contract.ID].astype(str)[:2]
    live("outcomes", "add", outcomes_of(patients[:2], tmp_path / "first.csv", **{first: "M", second: "M"}))
    found = live("outcomes", "add", outcomes_of(patients[:2], tmp_path / "second.csv", **{first: "B", second: "M"}))
    assert (found["known"], found["corrected"], found["contradictory"]) == (2, 1, 0)
    (tmp_path / "third.csv").write_text(f"id,diagnosis,known_at\n{second},M,{KNOWN_AT}\n{second},B,{KNOWN_AT}\n")
    found = live("outcomes", "add", str(tmp_path / "third.csv"))
    assert (found["known"], found["corrected"], found["contradictory"]) == (1, 1, 1)


@pytest.mark.fault("D16")
@pytest.mark.parametrize("waits", [False, True], ids=["recorded", "still waiting"])
def test_a_correction_counts_although_the_clock_was_set_back(
    store: Store, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    monkeypatch.setenv("_WDBC_CLOCK", "")  # restored at the end
    patients = scored(tmp_path, inbox)
    (name,) = patients[contract.ID].astype(str)[:1]
    files = [outcomes_of(patients[:1], tmp_path / f"{label}.csv", **{name: label}) for label in "MB"]
    later = datetime(2027, 3, 10, tzinfo=UTC)
    for file, now in zip(files, (later, later - timedelta(days=7)), strict=True):
        clock.set_time(tmp_path / "clock", now)
        with monkeypatch.context() as killed, contextlib.suppress(WdbcError):
            if waits and now == later:
                killed.setattr(launch, "live", lambda **_: (_ for _ in ()).throw(WdbcError("killed")))
            typed("outcomes", "add", file)
        assert len(open_files().waiting()) == int(waits and now == later)
    events = store.handle("outcomes").load()
    assert list(events["diagnosis"]) == [contract.MALIGNANT, contract.BENIGN]
    assert events["recorded_at"].is_monotonic_increasing
    found = live("live")
    assert (found["known"], found["corrected"], found["contradictory"]) == (1, 1, 0)


def test_diagnoses_against_the_predictions_raise_an_alarm(store: Store, inbox: Path, tmp_path: Path) -> None:
    patients = scored(tmp_path, inbox)
    exchanged = {str(row.id): "B" if row.diagnosis == "M" else "M" for row in patients.itertuples()}
    for week in range(5):
        file = outcomes_of(patients[12 * week : 12 * week + 12], tmp_path / f"{week}.csv",
                           known_at=f"2026-03-{1 + 7 * week:02}", **exchanged)  # fmt: skip
        found = live("outcomes", "add", file)
    assert found["verdict"] == "alarm"
    checks = {check.rule: check.passed for check in store.handle("live_metrics").manifest.checks}
    assert checks == {"predictions_agree_with_outcomes": False}
    assert re.search(r"recall       evidence \d\.\de\+\d\d against 0\.95 from \d+ malignant patients", typed("live"))


@pytest.mark.fault("D16")
def test_a_run_that_is_killed_before_it_puts_a_delivery_away_records_it_once(
    store: Store, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = outcomes_of(scored(tmp_path, inbox), tmp_path / "outcomes.csv")
    with monkeypatch.context() as killed:
        killed.setattr(OutcomeFiles, "acknowledge", lambda *_: (_ for _ in ()).throw(WdbcError("killed")))
        with pytest.raises(WdbcError, match="killed"):
            typed("outcomes", "add", file)
    assert len(open_files().waiting()) == 1
    assert live("live")["known"] == 60
    assert open_files().waiting() == []
    assert len(store.handle("outcomes").load()) == 60


def test_events_that_another_run_recorded_meanwhile_are_not_undone(
    store: Store, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patients = scored(tmp_path, inbox)
    live("outcomes", "add", outcomes_of(patients[:10], tmp_path / "first.csv"))
    others = store.handle("outcomes").load()[:5]
    read = OutcomeFiles.read

    def meanwhile(files: OutcomeFiles, path: Path) -> Any:
        store.commit(store.draft("outcomes", others, run_id="other"), run_id="other")
        return read(files, path)

    with monkeypatch.context() as changed:
        changed.setattr(OutcomeFiles, "read", meanwhile)
        with pytest.raises(WdbcError, match="another run changed outcomes meanwhile"):
            typed("outcomes", "add", outcomes_of(patients[10:20], tmp_path / "second.csv"))
    assert store.handle("outcomes").load().equals(others)
    assert live("live")["known"] == 15


def test_damaged_events_are_an_error_and_nothing_starts_over(store: Store, inbox: Path, tmp_path: Path) -> None:
    patients = scored(tmp_path, inbox)
    live("outcomes", "add", outcomes_of(patients[:10], tmp_path / "first.csv"))
    manifest = store.handle("outcomes").manifest
    (file,) = (tmp_path / "results" / "outcomes" / "versions" / manifest.version).iterdir()
    file.write_bytes(b"rubbish")
    with pytest.raises(WdbcError, match="was altered"):
        typed("outcomes", "add", outcomes_of(patients[10:20], tmp_path / "second.csv"))
    assert len(open_files().waiting()) == 1


def test_a_refused_file_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("id,diagnosis,known_at\n1,Q,2026-03-31\n")
    with pytest.raises(WdbcError, match="line 2: the diagnosis is neither M nor B"):
        typed("outcomes", "add", str(tmp_path / "bad.csv"))
    with pytest.raises(WdbcError, match="No such file"):
        typed("outcomes", "add", str(tmp_path / "missing.csv"))
    assert open_files().waiting() == []
    assert store.current("outcomes") is None


def test_a_damaged_delivery_is_said_with_its_place(tmp_path: Path) -> None:
    files = open_files()
    files.folder.mkdir(parents=True)
    path = files.folder / "20260331T000000.000000Z-0123456789ab.json"
    path.write_bytes(b"{}")
    with pytest.raises(DamagedStore, match="damaged") as damaged:
        files.read(path)
    assert damaged.value.where == str(path)
