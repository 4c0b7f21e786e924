"""`wdbc inbox add` and `wdbc monitor` as people type them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import wdbc_assets
from wdbc_assets.cli import wdbc
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring import batch_keys
from wdbc_assets.monitoring.alerts import store_problems
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests import builders, monitored
from wdbc_assets_tests.commands import document, typed

pytestmark = pytest.mark.usefixtures("inbox")


def test_batches_are_added_taken_up_shown_and_counted(store: Store, inbox: Path, tmp_path: Path) -> None:
    first = monitored.put(tmp_path, "first.csv", monitored.patients(60, 1))
    added = document("inbox", "add", str(first))
    assert (added["duplicate"], added["inbox"]) == (False, str(inbox))
    assert "duplicate: this content is that batch" in typed("inbox", "add", str(first)).output
    shown = typed("monitor").output
    assert f"batch {added['batch']}: no drift" in shown
    assert "60 patients, 0 earlier batches with 0 patients, against 569 patients of the reference" in shown

    monitored.put(inbox, "second.csv", monitored.patients(60, 2, moved="texture_mean", by=0.6))
    (inbox / "letter.txt").write_bytes(b"Dear Sir or Madam,\n")
    monitored.put(inbox, "copy.csv", monitored.patients(60, 1))
    result = document("monitor", code=1)
    (second,) = result["taken_up"]
    assert [one["name"] for one in result["refused"]] == ["letter.txt"]
    assert result["duplicates"] == [{"name": "copy.csv", "batch": added["batch"]}]
    assert (result["report"]["batch"], result["report"]["verdict"]) == (second, "drift")
    assert "texture_mean" in {alarm["quantity"] for alarm in result["report"]["alarms"]}
    assert (result["report"]["cause"], result["report"]["earlier_batches"]) == ("measurements", 1)
    assert document("monitor")["taken_up"] == []
    assert f"nothing new in {inbox}\n" in typed("monitor").output

    status = {asset["asset"]: asset for asset in document("status")["assets"]}
    assert (status["drift_report"]["partitions"], status["drift_report"]["partition"]) == (2, second)
    assert f"latest of 2 batches: {second}" in typed("status").output
    assert wdbc_assets.load("drift_report", partition=added["batch"]).verdict == "no drift"
    versions = wdbc_assets.versions("drift_report")
    assert versions["current"].all()
    assert sorted(versions["partition"]) == sorted([added["batch"], second])
    with pytest.raises(WdbcError, match="has a version for each of 2 batches"):
        wdbc_assets.load("drift_report")


@pytest.mark.parametrize(("bad", "noted"), [(20, False), (50, True)])
def test_rows_of_a_file_that_are_set_aside_are_counted_and_most_of_them_noted(
    store: Store, tmp_path: Path, bad: int, noted: bool
) -> None:
    table = monitored.patients(60)
    table.loc[: bad - 1, "radius_mean"] = -1.0
    path = monitored.put(tmp_path, "patients.csv", table)
    shown = typed("monitor", str(path)).stdout
    assert f"60 rows = {60 - bad} scored + {bad} set aside: " in shown
    assert ("most rows are set aside" in shown) == noted
    assert document("monitor", str(path))["rows"]["set_aside"] == bad


def test_a_file_without_a_row_that_can_be_scored_is_refused(store: Store, tmp_path: Path) -> None:
    path = monitored.put(tmp_path, "patients.csv", monitored.patients(60).assign(radius_mean=-1.0))
    assert "none of its rows can be scored" in str(typed("monitor", str(path), code=1).exception)


def test_a_batch_is_added_from_standard_input(store: Store, inbox: Path, tmp_path: Path) -> None:
    content = monitored.put(tmp_path, "patients.csv", monitored.patients(60)).read_bytes()
    added = CliRunner().invoke(wdbc, ["inbox", "add", "-", "--json"], input=content)
    assert added.exit_code == 0, added.output
    (file,) = inbox.iterdir()
    assert file.name.endswith("_standard-input")
    assert file.read_bytes() == content
    again = CliRunner().invoke(wdbc, ["inbox", "add", "-"], input=content)
    assert "duplicate: this content is that batch" in again.output
    assert document("monitor")["taken_up"] == [json.loads(added.stdout)["batch"]]


@pytest.mark.parametrize("content", [b"", b"Dear Sir or Madam,\n"])
def test_standard_input_without_patients_is_refused_by_its_name(store: Store, inbox: Path, content: bytes) -> None:
    refused = CliRunner().invoke(wdbc, ["inbox", "add", "-"], input=content).exception
    assert isinstance(refused, WdbcError)
    assert refused.where.startswith("standard input")
    assert list(inbox.iterdir()) == []


def test_a_file_is_compared_and_nothing_is_stored(store: Store, inbox: Path, tmp_path: Path) -> None:
    path = monitored.put(tmp_path, "patients.csv", monitored.patients(60))
    report = document("monitor", str(path))
    assert (report["batch"], report["verdict"], report["earlier_batches"]) == (str(path), "no drift", 0)
    assert not inbox.exists()
    assert store.partitions("incoming_batch") == []


def test_rows_that_are_set_aside_are_shown_with_their_rules(store: Store, inbox: Path, tmp_path: Path) -> None:
    patients = monitored.patients(60)
    patients.loc[:39, "radius_mean"] /= 10
    path = monitored.put(tmp_path, "patients.csv", patients)
    counted = "60 rows = 20 scored + 40 set aside: "
    assert counted in typed("monitor", str(path)).output
    rows = document("monitor", str(path))["rows"]
    assert (rows["read"], rows["set_aside"]) == (60, 40)
    assert rows["violations"]["area_fits_radius"] == 80, "two cells of each row"
    typed("inbox", "add", str(path))
    assert counted in typed("monitor").output
    assert document("monitor")["report"]["rows"] == rows


def test_an_inbox_that_is_no_folder_is_an_error(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = monitored.put(tmp_path, "patients.csv", monitored.patients(3))
    monkeypatch.setenv("WDBC_INBOX", str(path))
    result = typed("monitor", code=1)
    assert "the inbox cannot be read or written: Not a directory" in str(result.exception)


def test_another_key_of_the_pseudonyms_is_said_and_outcomes_under_a_new_one_are_refused(
    store: Store, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patients = monitored.patients(60)
    monitored.put(inbox, "first.csv", patients)
    typed("monitor")
    outcomes = tmp_path / "outcomes.csv"
    patients[["id", "diagnosis"]].assign(known_at="2026-03-31").to_csv(outcomes, index=False)
    other = tmp_path / "other.key"
    monkeypatch.setenv("WDBC_PSEUDONYM_KEY_FILE", str(other))
    refused = str(typed("outcomes", "add", str(outcomes), code=1).exception)
    assert f"the latest batch has pseudonyms of another key than that in {other}, which does not exist" in refused
    assert not other.exists()
    assert store.current("outcomes") is None
    other.write_bytes(b"k" * 32)
    assert (
        f"note: the latest batch has pseudonyms of another key than that in {other}. Set"
        in typed("outcomes", "add", str(outcomes)).stderr
    )
    monitored.put(inbox, "second.csv", monitored.patients(60, 2))
    assert "patients of both have two pseudonyms" in typed("monitor").stderr
    assert "pseudonyms" not in typed("monitor").stderr, "it is the key of the latest batch by now"


def test_few_patients_are_too_few_to_say(store: Store, tmp_path: Path) -> None:
    path = monitored.put(tmp_path, "patients.csv", monitored.patients(3))
    shown = typed("monitor", str(path)).output
    assert "too few to say" in shown
    assert "quantity" not in shown


def test_without_a_champion_batches_are_stored_and_the_error_says_what_to_run(
    environment: Path, tmp_path: Path
) -> None:
    added = document("inbox", "add", str(monitored.put(tmp_path, "patients.csv", monitored.patients(5))))
    result = document("monitor", code=1)
    assert [(one["batch"], one["what"]) for one in result["failed"]] == [(None, "no champion has been promoted yet")]
    assert result["taken_up"] == [added["batch"]]
    store = open_store(str(environment / "results"), relative_to=environment)
    assert store.partitions("incoming_batch") == [added["batch"]]
    again = document("monitor", code=1)
    hint = "Run `wdbc run` and `wdbc evaluate`, then `wdbc promote`."
    assert (again["taken_up"], again["failed"][0]["hint"]) == ([], hint)


def test_an_empty_inbox_says_how_to_fill_it() -> None:
    assert "use `wdbc inbox add`" in typed("monitor").output


def test_a_file_that_is_no_batch_is_refused_by_both_commands(store: Store, tmp_path: Path, inbox: Path) -> None:
    path = tmp_path / "patients.csv"
    path.write_bytes(builders.csv(builders.patient(area_mean=-1.0), header=True))
    for command in (["inbox", "add", str(path)], ["monitor", str(path)], ["monitor", str(tmp_path / "missing.csv")]):
        result = CliRunner().invoke(wdbc, command)
        assert isinstance(result.exception, WdbcError)
    assert list(inbox.iterdir()) == []


def test_a_refused_batch_is_reported_and_the_next_one_is_taken_up(store: Store, inbox: Path) -> None:
    inbox.mkdir()
    bad = builders.csv(*[builders.patient(area_mean=-1.0)] * 2, header=True)
    (inbox / batch_keys.claimed_name(batch_keys.make(1_900_000_000, "0" * 64), "changed.csv")).write_bytes(bad)
    monitored.put(inbox, "good.csv", monitored.patients(60))
    result = document("monitor", code=1)
    assert [one["what"] for one in result["failed"]] == ["the file was changed after it had been claimed"]
    assert len(result["taken_up"]) == 1
    assert (inbox / "refused" / "changed.csv").read_bytes() == bad


def test_damage_of_the_latest_batch_needs_attention(store: Store, tmp_path: Path) -> None:
    typed("inbox", "add", str(monitored.put(tmp_path, "patients.csv", monitored.patients(60))))
    typed("monitor")
    (key,) = store.partitions("predictions")
    Path(store.folder(store.handle("predictions", partition=key).manifest), "predictions.parquet").unlink()
    found = [str(item) for item in store_problems._of_asset(store, "predictions")]
    assert found == ["damaged: predictions: stored file of predictions is missing"]
