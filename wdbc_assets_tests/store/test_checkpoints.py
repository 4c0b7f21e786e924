"""Parts of unfinished work: which folders stay, in a folder and on an object store."""

from pathlib import Path

import pytest

from wdbc_assets.store import checkpoints
from wdbc_assets.store.store import Store, open_store


def test_a_part_comes_back_as_it_was_put(store: Store) -> None:
    bench = store.checkpoints("metrics", ["inputs"])
    assert bench.get("one") is None
    bench.put("one", {"winner": {"C": 0.1}, "probabilities": [0.1, 1e-300]})
    assert bench.get("one") == {"winner": {"C": 0.1}, "probabilities": [0.1, 1e-300]}
    assert store.checkpoints("metrics", ["inputs"], fresh=True).get("one") is None


@pytest.mark.fault("F07")
@pytest.mark.parametrize(("idle", "left"), [(3600.0, True), (-1.0, False)], ids=["at work", "idle"])
def test_parts_of_other_work_go_only_when_nobody_is_at_work_there(
    store: Store, monkeypatch: pytest.MonkeyPatch, idle: float, left: bool
) -> None:
    monkeypatch.setattr(checkpoints, "IDLE_SECONDS", idle)
    own, other = (store.checkpoints("metrics", [name]) for name in ("own", "other"))
    of_another_asset = store.checkpoints("clean_frame", ["other"])
    for bench in (own, other, of_another_asset):
        bench.put("one", 1)
        bench.put("two", 2)
    own.clear_others()
    assert (own.get("one"), own.get("two")) == (1, 2)
    assert (other.get("one") is not None) is left
    assert of_another_asset.get("one") == 1
    other.put("three", 3)  # who was at work after all loses nothing but time
    assert other.get("three") == 3


def test_clearing_where_nothing_was_ever_kept_does_nothing(store: Store, tmp_path: Path) -> None:
    store.checkpoints("metrics", ["own"]).clear_others()


def test_a_folder_that_cannot_be_looked_into_stops_nobody(tmp_path: Path) -> None:
    bench = open_store(str(tmp_path / "store"), relative_to=tmp_path).checkpoints("metrics", ["own"])
    (tmp_path / "store/metrics").mkdir(parents=True)
    (tmp_path / "store/metrics/parts").write_text("in the way")
    bench.clear_others()
