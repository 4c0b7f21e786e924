"""Whether a run of a job would find anything to do."""

from pathlib import Path

import pytest

from wdbc_assets import settings
from wdbc_assets.pipeline import pending, specs, staleness
from wdbc_assets.pipeline.staleness import AssetStatus
from wdbc_assets.store.store import Store, open_store

UP_TO_DATE = [AssetStatus(asset, None, ()) for asset in specs.JOBS["train"]]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "results"), relative_to=tmp_path)


def test_nothing_is_to_do_where_all_is_up_to_date(store: Store) -> None:
    assert not pending.is_pending(store, settings.load(), UP_TO_DATE)


def test_an_asset_that_is_out_of_date_is_to_be_made(store: Store) -> None:
    states = [*UP_TO_DATE[:-1], AssetStatus("metrics", None, ("code changed",))]
    assert pending.is_pending(store, settings.load(), states)


def test_after_a_refusal_something_is_to_do(store: Store) -> None:
    store.note_refusal("metrics", run_id="run-1", reasons=["no"])
    assert pending.is_pending(store, settings.load(), UP_TO_DATE)
    store.forget_refusal("metrics")
    assert not pending.is_pending(store, settings.load(), UP_TO_DATE)


def test_a_remote_source_is_always_to_be_asked(store: Store) -> None:
    remote = settings.load(source="https://data.invalid/wdbc.data")
    assert pending.is_pending(store, remote, UP_TO_DATE)
    assert not pending.is_pending(store, remote, UP_TO_DATE[1:])


def test_a_job_that_depends_on_what_arrives_or_promotes_always_may_have_something_to_do(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staleness, "assess", lambda *_, **__: [])
    found = {job for job in specs.JOBS if not pending.is_job_pending(store, settings.load(), job)}
    assert found == {"train", "refresh", "explore", "evaluate", "evidence"}
