"""Retention by age: patients' rows go, the scan goes on, and what was removed looks neither damaged nor new."""

import hashlib
import json
import os
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from wdbc_assets import clock, settings
from wdbc_assets.cli import terminal, wdbc
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring import batch_keys, batches, retention
from wdbc_assets.monitoring.inbox import Inbox
from wdbc_assets.orchestration import launch
from wdbc_assets.pipeline import staleness
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store import paths, removals
from wdbc_assets.store.backends import CannotWrite
from wdbc_assets.store.removals import Removed
from wdbc_assets.store.store import Store
from wdbc_assets_tests import monitored
from wdbc_assets_tests.monitored import inbox, store
from wdbc_assets_tests.registry import promotions

__all__ = ["inbox", "store"]

DAY = 24 * 3600
YEAR_AGO = datetime.now(UTC) - timedelta(days=365)


def typed(*arguments: str) -> str:
    result = CliRunner().invoke(wdbc, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def arrived(store: Store, inbox: Path, tmp_path: Path, seed: int, *, at: datetime) -> str:
    """Store a batch of 40 patients that arrived at a time, with its file in the inbox; return its key."""
    patients = monitored.patients(40, seed)
    file = monitored.put(tmp_path, f"{seed}.csv", patients)
    key = batch_keys.make(at.timestamp(), hashlib.sha256(file.read_bytes()).hexdigest())
    monitored.store_batch(store, key, patients)
    (inbox / "taken").mkdir(parents=True, exist_ok=True)
    shutil.copy(file, inbox / "taken" / batch_keys.claimed_name(key, file.name))
    return key


def let_time_pass(folder: Path) -> None:
    """Let everything in the store have been written a year ago, so that no run can be using it."""
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - 365 * DAY,) * 2)


def rows_on_disk(store: Store, asset: str) -> list[str]:
    return [file.path for file in store.backend.listed(f"{asset}/versions") if file.path.endswith(".parquet")]


@pytest.fixture
def two_batches(store: Store, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A batch that arrived a year ago, and one of an hour ago; batches are kept for 90 days."""
    _let_the_audit_log_name_the_champion(store)
    hour_ago = datetime.now(UTC) - timedelta(hours=1)  # a batch of the same second could be before or after it
    keys = [arrived(store, inbox, tmp_path, seed, at=at) for seed, at in ((1, YEAR_AGO), (2, hour_ago))]
    monkeypatch.setenv("WDBC_KEEP_BATCHES_DAYS", "90")
    monkeypatch.setenv("WDBC_KEEP_PREDICTIONS_DAYS", "180")
    let_time_pass(Path(store.url))
    return keys[0], keys[1]


def _let_the_audit_log_name_the_champion(store: Store) -> None:
    draft = store.draft(paths.CHAMPION, store.handle(paths.CHAMPION).load(), run_id="a-run")
    store.backend.remove(paths.pointer(paths.CHAMPION))
    open_registry(store).promote(draft, promotions.decision(), expected=None)


def test_old_batches_go_by_gc_and_everything_else_goes_on(
    two_batches: tuple[str, str], store: Store, inbox: Path
) -> None:
    old, new = two_batches
    (inbox / "refused").mkdir()
    (inbox / "refused" / "of-today.csv").write_text("1,2")
    listed = typed("gc")
    assert f"incoming_batch    {old}  to be removed: it is older than 90 days (WDBC_KEEP_BATCHES_DAYS)" in listed
    assert "nothing was removed: add --apply" in listed
    assert store.partitions("incoming_batch") == [old, new]

    assert f"predictions       {old}  removed" in typed("gc", "--apply")
    for asset in ("incoming_batch", "predictions"):
        assert (store.partitions(asset), store.removed_partitions(asset)) == ([new], [old])
        assert len(rows_on_disk(store, asset)) == 1
    assert [path.name.partition("_")[0] for path in (inbox / "taken").iterdir()] == [new]
    assert (inbox / "refused" / "of-today.csv").exists()
    assert store.partitions("drift_report") == [old, new]
    assert "removed because of their age: 1 batch" in typed("status")
    assert typed("status", "--check").strip() == "ok"
    assert "to be removed: 0 versions" in typed("gc")

    monitored.put(inbox, "third.csv", monitored.patients(40, 3))
    assert "2 earlier batches with 80 patients" in typed("monitor")


def test_files_that_may_be_in_use_are_left_to_a_later_gc_which_is_said(
    two_batches: tuple[str, str], store: Store
) -> None:
    for path in Path(store.url, "incoming_batch", "versions").rglob("*"):
        os.utime(path)  # as in a store that was copied just now
    assert "left:" not in typed("gc")
    shown = typed("gc", "--apply")
    assert "left: the files of 1 removed version, which a run or a reader may be using; a later `wdbc gc" in shown
    assert (len(rows_on_disk(store, "incoming_batch")), len(rows_on_disk(store, "predictions"))) == (2, 1)
    let_time_pass(Path(store.url))
    assert "left:" not in typed("gc", "--apply")
    assert len(rows_on_disk(store, "incoming_batch")) == 1


def test_json_of_gc_says_what_goes_and_what_is_left(two_batches: tuple[str, str], store: Store) -> None:
    for path in Path(store.url, "incoming_batch", "versions").rglob("*"):
        os.utime(path)
    listed, applied = (json.loads(typed("gc", *options, "--json")) for options in ((), ("--apply",)))
    assert (listed["applied"], applied["applied"]) == (False, True)
    partitions = {(one["asset"], one["partition"]) for one in listed["partitions"]}
    assert partitions == {("incoming_batch", two_batches[0]), ("predictions", two_batches[0])}
    assert applied["partitions"] == listed["partitions"]
    assert (listed["removed_versions_left"], applied["removed_versions_left"]) == (0, 1)
    assert [one["asset"] for one in applied["versions"]] == ["predictions"]
    assert [name.partition("_")[0] for name in applied["inbox"]] == [two_batches[0]]
    assert applied["reasons_to_keep"]["current"] > 0


def test_the_content_of_a_removed_batch_is_still_a_duplicate(
    two_batches: tuple[str, str], store: Store, inbox: Path, tmp_path: Path
) -> None:
    typed("gc", "--apply")
    assert "duplicate" in typed("inbox", "add", str(tmp_path / "1.csv"))
    monitored.put(inbox, "again.csv", monitored.patients(40, 1))
    assert "duplicate again.csv" in typed("monitor")
    assert store.partitions("incoming_batch") == [two_batches[1]]


def test_a_batch_without_a_report_is_not_taken_up_again_after_its_removal(
    two_batches: tuple[str, str], store: Store
) -> None:
    store.backend.remove(paths.pointer("drift_report", two_batches[0]))
    inbox = Inbox(Path(store.url).parent / "inbox", Path("none"))
    assert batches.arrivals(store, inbox).batches == [two_batches[0]]
    typed("gc", "--apply")
    assert batches.arrivals(store, inbox).batches == []


@pytest.mark.parametrize("asset", ["incoming_batch", "predictions"])
def test_what_needs_a_removed_batch_says_when_and_why_it_went(
    two_batches: tuple[str, str], store: Store, asset: str
) -> None:
    handle = store.handle(asset, partition=two_batches[0])
    typed("gc", "--apply")
    for ask in (
        lambda: store.handle(asset, partition=two_batches[0]),
        lambda: staleness.require_made(store, asset, two_batches[0]),
        handle.load,  # of a reader that was there before
    ):
        with pytest.raises(Removed, match=r"was removed on .* it is older than \d+ days") as refused:
            ask()
        assert "cannot be made again" in refused.value.hint
    assert "was removed" in str(store.damage(handle.manifest))


def test_a_gc_that_is_killed_in_the_middle_is_finished_by_the_next_one(
    two_batches: tuple[str, str], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, _ = two_batches
    real, calls = type(store.backend).remove, list[str]()

    def killed(self: Any, path: str) -> None:
        calls.append(path)
        if len(calls) == step:
            raise KeyboardInterrupt
        real(self, path)

    step, result = 0, None
    while result is None or result.exit_code != 0:
        step += 1
        calls.clear()
        with monkeypatch.context() as dying:
            dying.setattr(type(store.backend), "remove", killed)
            result = CliRunner().invoke(wdbc, ["gc", "--apply"])
        let_time_pass(Path(store.url))
        present = old in store.partitions("incoming_batch")
        assert typed("status", "--check").strip() == "ok"
        if present:  # then with its files
            store.handle("incoming_batch", partition=old).load()
    assert step >= 3
    assert store.removed_partitions("predictions") == [old]
    assert len(rows_on_disk(store, "incoming_batch")) == len(rows_on_disk(store, "predictions")) == 1


def test_a_store_that_cannot_be_written_keeps_everything(
    two_batches: tuple[str, str], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise CannotWrite("the store cannot be written: Read-only file system", where=store.url, hint="Use another.")

    monkeypatch.setattr(type(store.backend), "replace", refused)
    with pytest.raises(CannotWrite, match="Read-only file system"):
        typed("gc", "--apply")
    assert store.partitions("incoming_batch") == list(two_batches)
    assert store.handle("incoming_batch", partition=two_batches[0]).load().patients.rows == 40


def test_a_file_of_the_inbox_that_cannot_be_removed_is_an_error_with_its_name(
    two_batches: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.unlink

    def refused(self: Path, missing_ok: bool = False) -> None:
        if self.parent.name == "taken":
            raise PermissionError(1, "Operation not permitted")
        real(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(WdbcError, match="cannot be removed") as error:
        typed("gc", "--apply")
    assert error.value.where.endswith(f"{two_batches[0]}_1.csv")


def test_a_damaged_record_of_a_removal_is_a_removal(two_batches: tuple[str, str], store: Store) -> None:
    typed("gc", "--apply")
    store.backend.replace(paths.removed("incoming_batch", two_batches[0]), b"{")
    with pytest.raises(Removed, match="the record of it is damaged"):
        store.handle("incoming_batch", partition=two_batches[0])
    assert removals.find(store.backend, "incoming_batch", two_batches[1]) is None


def test_without_the_settings_nothing_is_ever_too_old(
    two_batches: tuple[str, str], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WDBC_KEEP_BATCHES_DAYS")
    monkeypatch.delenv("WDBC_KEEP_PREDICTIONS_DAYS")
    typed("gc", "--apply")
    assert store.partitions("incoming_batch") == list(two_batches)


def test_live_metrics_say_that_predictions_were_removed_and_not_that_there_were_none(
    two_batches: tuple[str, str], store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "outcomes.csv"
    both = pd.concat([monitored.patients(40, seed) for seed in (1, 2)])
    both.assign(known_at="2025-01-31")[["id", "diagnosis", "known_at"]].to_csv(file, index=False)
    typed("gc", "--apply")
    shown = " ".join(typed("outcomes", "add", str(file)).split())
    assert "of 40 patients have a known outcome" in shown
    because = "removed because of their age (WDBC_KEEP_PREDICTIONS_DAYS)"
    assert f"the predictions of 1 batch were {because}: their outcomes do not count" in shown

    monkeypatch.setenv("WDBC_KEEP_PREDICTIONS_DAYS", "1e-9")
    typed("gc", "--apply")
    shown = " ".join(typed("live").split())
    assert f"no prediction is left to compare with: those of 2 batches were {because}" in shown
    assert "no batch has been scored yet" not in shown
    found = json.loads(typed("live", "--json"))
    assert (found["live_metrics"], found["removed_batches"]) == (None, 2)
    as_of = store.document(store.handle("live_metrics").manifest, "live_metrics.json")["as_of"]
    assert found["outdated_as_of"] == as_of
    assert f"are from before that, as of {as_of[:16].replace('T', ' ')} UTC: too few to say" in shown
    with pytest.raises(WdbcError, match="all are older than WDBC_KEEP_PREDICTIONS_DAYS"):
        launch.live(reporter=terminal.Lines(quiet=True), debug=False)  # as Dagster's UI runs the job
    assert len(store.handle("outcomes").load()) == 80


def test_refused_files_go_by_the_time_of_their_refusal(store: Store, inbox: Path) -> None:
    (inbox / "refused").mkdir(parents=True)
    (inbox / "refused" / "letter.txt").write_text("Dear Sir or Madam")
    (inbox / "refused" / "folder").mkdir()
    for days, expected in ((0.5, []), (1e-9, ["letter.txt"])):
        config = settings.load().model_copy(update={"keep_batches_days": days})
        assert [path.name for path in retention.survey(store, Inbox(inbox, Path("none")), config).files] == expected


def test_a_copy_of_a_killed_process_goes_after_a_day_and_a_foreign_dot_file_stays(
    store: Store, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.mkdir(exist_ok=True)
    left = batch_keys.copy_name(".csv")
    for name in (left, ".0123456789abcdef.csv", ".gitkeep", "patients.csv"):
        (inbox / name).write_text("8675309,1,2")
    (inbox / batch_keys.copy_name("")).mkdir()
    opened, config = Inbox(inbox, Path("none")), settings.load()
    assert retention.survey(store, opened, config).files == ()
    tomorrow = time.time() + DAY + 1
    monkeypatch.setattr(time, "time", lambda: tomorrow)
    old = retention.survey(store, opened, config)
    assert [path.name for path in old.files] == [left]
    retention.remove(store, old)
    assert len(list(inbox.iterdir())) == 4
    assert not (inbox / left).exists()


def test_outcomes_that_are_too_old_are_left_out_of_the_next_version(
    two_batches: tuple[str, str], store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patients = monitored.patients(40, 2)
    for rows, at in ((patients[:10], YEAR_AGO), (patients[10:15], datetime.now(UTC))):
        with monkeypatch.context() as then:
            then.setattr(clock, "now", lambda at=at: at)
            file = tmp_path / "outcomes.csv"
            rows.assign(known_at="2025-01-31")[["id", "diagnosis", "known_at"]].to_csv(file, index=False)
            typed("outcomes", "add", str(file))
    assert len(store.handle("outcomes").load()) == 15
    monkeypatch.setenv("WDBC_KEEP_OUTCOMES_DAYS", "90")
    assert json.loads(typed("live", "--json"))["live_metrics"]["unknown_patients"] == 5
    version = store.handle("outcomes").manifest.version
    assert len(store.handle("outcomes").load()) == 5
    typed("live")
    assert store.handle("outcomes").manifest.version == version
    let_time_pass(Path(store.url))
    typed("gc", "--apply")
    assert len(rows_on_disk(store, "outcomes")) == 1
