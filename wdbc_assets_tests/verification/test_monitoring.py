"""The monitoring's assets are derived again, and an altered prediction, report or outcome is named."""

import json
import shutil
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from wdbc_assets import clock, settings, verification
from wdbc_assets.cli import wdbc
from wdbc_assets.domain.data import contract
from wdbc_assets.monitoring import inbox as inboxes
from wdbc_assets.pipeline import specs
from wdbc_assets.store import codecs, paths, removals
from wdbc_assets.store.removals import Removal
from wdbc_assets.store.store import Store, open_store
from wdbc_assets.verification import AssetVerification
from wdbc_assets_tests import monitored
from wdbc_assets_tests.commands import typed
from wdbc_assets_tests.store.artifacts import snapshot
from wdbc_assets_tests.verification import forging

MONITORED = [*specs.JOBS["monitor"], *specs.JOBS["live"]]
BATCHES = 3
PLACES = {"WDBC_STORAGE": "results", "WDBC_INBOX": "inbox", "DAGSTER_HOME": "home", "WDBC_LOG": "log.jsonl"}


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a store in which three batches and two deliveries were taken up, the last after a rebase."""
    folder = tmp_path_factory.mktemp("monitored")
    with pytest.MonkeyPatch.context() as patch:
        for name, place in PLACES.items():
            patch.setenv(name, str(folder / place))
        patch.setattr(inboxes, "SETTLE_SECONDS", 0.0)
        monitored.make_store(folder / "results")
        for number in range(BATCHES):
            patients = monitored.patients(110, number)
            monitored.put(folder / "inbox", f"{number}.csv", patients)
            typed("monitor")
            if number:
                outcomes = patients[[contract.ID, contract.DIAGNOSIS]].assign(known_at="2026-03-31")
                outcomes.to_csv(folder / "outcomes.csv", index=False)
                typed("outcomes", "add", str(folder / "outcomes.csv"))
            else:
                typed("monitor", "rebase", "--batches", "1", "--reason", "a new instrument")
    return folder


@pytest.fixture
def store(once: Path, environment: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Return a copy of that store, in an environment of its own."""
    for name, place in PLACES.items():
        monkeypatch.setenv(name, str(environment / place))
    shutil.copytree(once, environment, dirs_exist_ok=True)
    return open_store(str(environment / "results"), relative_to=environment)


def verified(store: Store, *, deep: bool = False) -> dict[tuple[str, str | None], AssetVerification]:
    found = verification.verify(store, settings.load(), MONITORED, deep=deep)
    return {(one.asset, one.manifest.partition if one.manifest else None): one for one in found}


def test_all_are_the_same_and_nothing_is_written(store: Store) -> None:
    before = snapshot(Path(store.url))
    found = verified(store)
    assert len(found) == 3 * BATCHES + 3
    assert {name: one.reason or one.causes for name, one in found.items() if one.verdict != "same"} == {}
    batches = store.partitions("incoming_batch")
    assert "read from its file again" in found["incoming_batch", batches[0]].compared
    assert "which continue the version before" in found["outcomes", None].compared
    assert store.handle("drift_report", partition=batches[1]).load().rebase is not None
    assert snapshot(Path(store.url)) == before


def test_the_command_verifies_the_latest_batches_and_with_deep_all(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["wdbc_assets.verification.verify"], "LATEST_BATCHES", 1)
    latest = store.partitions("predictions")[-1]
    assert [batch for asset, batch in verified(store) if asset == "predictions"] == [latest]
    assert len([asset for asset, _ in verified(store, deep=True) if asset == "predictions"]) == BATCHES
    plain = json.loads(CliRunner().invoke(wdbc, ["verify", "--json"]).stdout)
    assert [one["partition"] for one in plain["assets"] if one["asset"] == "drift_report"] == [latest]
    assert "live_metrics" in [one["asset"] for one in plain["assets"]]


def of_report(content: bytes) -> bytes:
    plain = json.loads(content)
    plain["streams"][0]["z"] += 0.5
    return codecs.to_json(plain)


def of_live_metrics(content: bytes) -> bytes:
    plain = json.loads(content)
    plain["metrics"]["recall"]["value"] = 0.999
    return codecs.to_json(plain)


def of_predictions(content: bytes) -> bytes:
    table = codecs.from_parquet(content)
    probability = table["probability"].to_numpy(copy=True)
    probability[0] += 0.01
    return codecs.to_parquet(table.assign(probability=probability))


def test_of_large_tables_the_digests_are_compared(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("wdbc_assets.store.reader", "wdbc_assets.verification.rederive"):
        monkeypatch.setattr(sys.modules[module], "MOST_COMPARED", 100)
    assert {one.verdict for one in verified(store).values()} == {"same"}
    batch = store.partitions("predictions")[-1]
    path = forging.stored(Path(store.url), "predictions", "predictions.parquet", batch=batch)
    path.write_bytes(of_predictions(path.read_bytes()))
    found = verified(store)["predictions", batch]
    assert [(one.file, one.what) for one in found.differences] == [
        ("predictions.parquet", "another content, too large to be compared cell by cell")
    ]


@pytest.mark.fault("T08")
@pytest.mark.parametrize("digests", [False, True])
@pytest.mark.parametrize(
    ("asset", "name", "alter", "shown"),
    [
        ("drift_report", "drift_report.json", of_report, "streams[0].z"),
        ("live_metrics", "live_metrics.json", of_live_metrics, "metrics.recall.value"),
        ("predictions", "predictions.parquet", of_predictions, "probability"),
    ],
)
def test_a_figure_that_was_altered_by_hand_is_named(
    store: Store,
    asset: str,
    name: str,
    alter: Callable[[bytes], bytes],
    shown: str,
    digests: bool,
) -> None:
    folder = Path(store.url)
    batch = store.partitions(asset)[-1] if specs.ASSETS[asset].partitioned else None
    path = forging.stored(folder, asset, name, batch=batch)
    if digests:
        forging.forge(folder, asset, name, alter(path.read_bytes()), batch=batch)
    else:
        path.write_bytes(alter(path.read_bytes()))
    found = verified(store)[asset, batch]
    assert found.verdict == "diverged"
    (difference,) = found.differences
    changed = [value.path for value in difference.changed] or [column for _, column in difference.cells]
    assert changed == [shown]


@pytest.mark.fault("T08")
def test_an_altered_measurement_or_id_of_a_batch_is_named(store: Store) -> None:
    batch = store.partitions("incoming_batch")[-1]
    manifest = store.handle("incoming_batch", partition=batch).manifest
    (name,) = [name for name in manifest.files if name.endswith(".parquet")]
    table = codecs.from_parquet(forging.stored(Path(store.url), "incoming_batch", name, batch=batch).read_bytes())
    changed = table.assign(area_mean=table["area_mean"] * 2)
    forging.forge(Path(store.url), "incoming_batch", name, codecs.to_parquet(changed), batch=batch)
    found = verified(store)["incoming_batch", batch]
    assert [str(cause) for cause in found.causes] == [f"stored file {name} is not what its file contains"]
    forging.forge(Path(store.url), "incoming_batch", name, codecs.to_parquet(table.assign(id="842302")), batch=batch)
    assert "has ids that are no pseudonyms" in str(verified(store)["incoming_batch", batch].causes[0])


@pytest.mark.fault("T08")
def test_outcomes_that_were_rewritten_do_not_continue_the_version_before(store: Store) -> None:
    name = "outcomes.parquet"
    events = codecs.from_parquet(forging.stored(Path(store.url), "outcomes", name).read_bytes())
    other = events.assign(diagnosis=1 - events["diagnosis"])
    forging.forge(Path(store.url), "outcomes", name, codecs.to_parquet(other))
    found = verified(store)
    assert "does not continue the version before" in str(found["outcomes", None].causes[0])


def test_a_file_that_is_gone_changed_or_of_another_key_leaves_the_digest(store: Store, environment: Path) -> None:
    first, second, third = store.partitions("incoming_batch")
    taken = environment / "inbox" / "taken"
    next(taken.glob(f"{first}*")).unlink()
    next(taken.glob(f"{second}*")).write_bytes(b"something else")
    found = verified(store)
    assert {found["incoming_batch", batch].verdict for batch in (first, second, third)} == {"same"}
    assert "its file is gone" in found["incoming_batch", first].compared
    assert "its file was changed since" in found["incoming_batch", second].compared
    key = next((environment / "home").glob("*pseudonym*"))
    key.write_bytes(b"x" * 32)
    assert "have another key" in verified(store)["incoming_batch", third].compared
    key.unlink()
    assert "have another key" in verified(store)["incoming_batch", third].compared
    assert not key.exists(), "a verification creates no key"


def test_batches_that_are_gone_or_came_later_are_distinguished(store: Store) -> None:
    _, second, third = store.partitions("predictions")
    later = store.handle("predictions", partition=third).load()
    store.commit(store.draft("predictions", later, run_id="x", partition="29990101T000000Z-0"), run_id="x")
    assert verified(store)["live_metrics", None].verdict == "same", "a batch that arrived since does not matter"
    for asset in ("predictions", "drift_report"):
        store.backend.remove(paths.pointer(asset, second))
    found = verified(store)
    for changed in (found["live_metrics", None], found["drift_report", third]):
        assert changed.verdict == "diverged"
        assert changed.causes[0].name.endswith("of the batches")


@pytest.mark.parametrize(("days", "verdict"), [(1, "not derived"), (-1, "diverged")])
def test_batches_removed_because_of_their_age_since_then_are_no_divergence(
    store: Store, days: int, verdict: str
) -> None:
    first, *_ = store.partitions("predictions")
    at = (clock.now() + timedelta(days=days)).isoformat(timespec="seconds")
    removals.remove(store.backend, "predictions", first, Removal(at, "it is older than 90 days"))
    found = verified(store)["live_metrics", None]
    assert found.verdict == verdict
    assert ("removed because of their age since it was made: 1 batch of predictions" in found.reason) == (days > 0)


def test_a_rebase_that_is_not_in_the_history_is_named(store: Store) -> None:
    shutil.rmtree(Path(store.url, "champion", "references"))
    batch = store.partitions("drift_report")[-1]
    assert "the rebased reference" in verified(store)["drift_report", batch].reason
    Path(store.url, paths.HISTORY).unlink()
    assert "is not in the history" in verified(store)["drift_report", batch].reason


def test_a_table_that_cannot_be_read_is_named(store: Store) -> None:
    name = "outcomes.parquet"
    forging.forge(Path(store.url), "outcomes", name, codecs.to_parquet(pd.DataFrame({"patient": ["x"]})))
    assert "cannot be compared" in str(verified(store)["outcomes", None].causes[0])
