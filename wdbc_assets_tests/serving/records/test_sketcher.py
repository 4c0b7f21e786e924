"""Tests of a worker's sketches: what reaches the disk and when, and everything that can go wrong on the way."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import log_odds
from wdbc_assets.domain.monitoring import served, streams
from wdbc_assets.domain.monitoring.served import ServedWindow
from wdbc_assets.pipeline import served_reference
from wdbc_assets.pipeline.served_files import GRACE, ServedFiles
from wdbc_assets.serving import telemetry
from wdbc_assets.serving.records import sketcher as sketchers
from wdbc_assets.serving.records.sketcher import Sketcher
from wdbc_assets.store.backends import atomic
from wdbc_assets_tests.domain.monitoring import years
from wdbc_assets_tests.served import NOON

if TYPE_CHECKING:
    from wdbc_assets.serving.models.champion import ChampionLoader, LoadedModel

REFERENCE = years.reference()
END = served.end("2026-W48")
OTHER = years.reference(200, 9)


@dataclass
class Champion:
    """What the sketcher sees of a champion's loader."""

    loaded: Any
    refused: None = None

    @classmethod
    def of(cls, recipe: str = "logistic", version: str = "v1") -> "Champion":
        return cls(SimpleNamespace(served=SimpleNamespace(recipe=recipe, version=version)))


@dataclass
class Worker:
    """A sketcher, its folder and its champion."""

    sketcher: Sketcher
    files: ServedFiles
    champion: Champion
    now: datetime = NOON

    def score(self, X: np.ndarray, broken: Sequence[list[str]] = ()) -> None:
        p = 1 / (1 + np.exp(-years.log_odds(X)))
        self.sketcher.offer(cast("LoadedModel", self.champion.loaded), X, p, broken or [[] for _ in X])

    def add_up(self, now: datetime = NOON) -> None:
        self.now = now
        self.sketcher.add_up(now)

    def write(self) -> None:
        for window in self.sketcher.unwritten(self.now):
            self.sketcher.put(window)

    def windows(self) -> list[ServedWindow]:
        return [self.files.read(ServedWindow, path) for path in self.files.all_windows()]

    def counts(self) -> dict[str, float]:
        return {
            sample.labels["outcome"]: sample.value
            for family in telemetry.SKETCHES.collect()
            for sample in family.samples
            if sample.value
        }


def drift_watched() -> float:
    (family,) = telemetry.DRIFT_WATCHED.collect()
    return family.samples[0].value


@pytest.fixture
def references(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The references by recipe, in place of those that another process builds; an error is raised."""
    known: dict[str, Any] = {"logistic": REFERENCE}

    def load(_: str, recipe: str) -> streams.Reference:
        if isinstance(known[recipe], Exception):
            raise known[recipe]
        return cast("streams.Reference", known[recipe])

    monkeypatch.setattr(served_reference, "key", lambda _, recipe: f"{recipe} {id(known[recipe])}")
    monkeypatch.setattr(served_reference, "load", load)
    return known


def start(folder: Path, name: str = "0a1b") -> Worker:
    """Return a worker that has looked for its reference."""
    telemetry.SKETCHES.clear()
    files, champion = ServedFiles(folder), Champion.of()
    made = Sketcher(cast("Any", None), cast("ChampionLoader", champion), files, worker=name, cadence="weekly")
    made.look()
    return Worker(made, files, champion)


@pytest.fixture
def worker(tmp_path: Path, references: dict[str, Any]) -> Worker:
    return start(tmp_path)


def sketch_of(X: np.ndarray) -> streams.Sketch:
    p = 1 / (1 + np.exp(-years.log_odds(X)))
    return streams.sketch(REFERENCE, X, log_odds.of_probabilities(p))


def test_requests_of_any_size_add_up_to_the_sketch_of_all_their_patients(worker: Worker) -> None:
    X = years.patients(100, 1).X
    for rows in np.split(X, [1, 8, 60]):
        worker.score(rows)
        worker.add_up()
        worker.write()
    (window,) = worker.windows()
    assert (window.window, window.recipe, window.champions) == ("2026-W48", "logistic", ("v1",))
    assert (window.sketch, window.reference) == (sketch_of(X), REFERENCE.digest)
    assert worker.counts() == {"sketched": 100}


@pytest.mark.fault("X09")
def test_sums_of_fewer_than_thirty_patients_stay_in_memory_until_there_are_enough(worker: Worker) -> None:
    X = years.patients(35, 2).X
    worker.score(X[:29])
    worker.add_up()
    worker.write()
    assert not worker.files.folder.exists() or not list(worker.files.folder.rglob("*.json"))
    worker.add_up(END + timedelta(hours=1))  # the week is over
    worker.write()
    assert worker.windows() == []
    worker.score(X[29:])
    worker.add_up(END + timedelta(hours=2))
    worker.write()
    (window,) = worker.windows()
    assert (window.window, window.sketch) == ("2026-W49", sketch_of(X))


def test_a_window_is_written_when_it_ends_and_the_next_begins_with_nothing(worker: Worker) -> None:
    X = years.patients(80, 3).X
    worker.score(X[:40])
    worker.add_up()
    worker.score(X[40:])
    worker.add_up(END + timedelta(seconds=1))
    worker.write()
    assert [(one.window, one.sketch) for one in worker.windows()] == [
        ("2026-W48", sketch_of(X[:40])),
        ("2026-W49", sketch_of(X[40:])),
    ]


def test_sums_that_come_too_late_for_their_window_count_in_the_next_and_never_twice(worker: Worker) -> None:
    X = years.patients(70, 4).X
    worker.score(X[:40])
    worker.add_up()
    worker.write()
    worker.score(X[40:])
    worker.add_up()
    worker.add_up(END + GRACE)  # the process was stopped meanwhile, and the file may have been taken up
    worker.write()
    assert [(one.window, one.sketch) for one in worker.windows()] == [
        ("2026-W48", sketch_of(X[:40])),
        ("2026-W49", sketch_of(X[40:])),
    ]


def test_a_clock_that_is_set_back_goes_on_with_the_later_window(worker: Worker) -> None:
    X = years.patients(60, 5).X
    worker.score(X[:30])
    worker.add_up(END + timedelta(days=1))
    worker.score(X[30:])
    worker.add_up()
    worker.write()
    assert [(one.window, one.sketch.rows) for one in worker.windows()] == [("2026-W49", 60)]


def test_a_worker_that_was_killed_leaves_what_it_wrote_and_its_successor_adds_to_it(
    worker: Worker, tmp_path: Path
) -> None:
    X = years.patients(120, 6).X
    worker.score(X[:50])
    worker.add_up()
    worker.write()
    worker.score(X[50:60])  # lost
    successor = start(tmp_path, "beef")
    successor.score(X[60:])
    successor.add_up()
    successor.write()
    total = sum((one.sketch for one in worker.windows()), start=streams.EMPTY)
    assert total == sketch_of(np.vstack([X[:50], X[60:]]))


@pytest.mark.parametrize(
    ("again", "windows"),
    [(END + timedelta(seconds=2), {"2026-W48": 32, "2026-W49": 32}), (END + GRACE, {"2026-W49": 64})],
    ids=["while the file is awaited", "when it no longer is"],
)
def test_a_folder_that_cannot_be_written_keeps_the_sums_in_memory(
    worker: Worker, again: datetime, windows: dict[str, int]
) -> None:
    worker.files.windows.parent.mkdir(exist_ok=True)
    worker.files.windows.touch()  # a file in the place of the folder
    X = years.patients(64, 7).X
    worker.score(X[:32])
    worker.add_up()
    for now in (NOON, END + timedelta(seconds=1)):
        worker.add_up(now)
        with pytest.raises(OSError, match="exists"):
            worker.write()
    worker.files.windows.unlink()
    worker.score(X[32:])
    worker.add_up(again)
    worker.write()
    assert {window.window: window.sketch.rows for window in worker.windows()} == windows
    assert sum((window.sketch for window in worker.windows()), start=streams.EMPTY) == sketch_of(X)


def test_patients_that_come_while_a_window_is_written_are_written_the_next_time(worker: Worker) -> None:
    X = years.patients(70, 4).X
    worker.score(X[:40])
    worker.add_up()
    (unwritten,) = worker.sketcher.unwritten(NOON)
    worker.score(X[40:])
    worker.add_up()
    worker.sketcher.put(unwritten)
    assert [window.sketch for window in worker.windows()] == [sketch_of(X[:40])]
    worker.write()
    assert [window.sketch for window in worker.windows()] == [sketch_of(X)]
    assert worker.sketcher.unwritten(NOON) == []


def test_patients_that_violate_the_contract_are_left_out_as_in_a_batch(worker: Worker) -> None:
    X = years.patients(40, 8).X
    worker.score(X, [[] if row % 4 else ["area_mean: value_is_plausible"] for row in range(40)])
    worker.add_up()
    worker.write()
    (window,) = worker.windows()
    assert window.sketch == sketch_of(X[np.arange(40) % 4 > 0])


def test_a_full_queue_drops_patients_and_counts_them(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketchers, "_MAX_QUEUED", 50)
    for _ in range(3):
        worker.score(years.patients(30, 1).X)
    worker.add_up()
    assert worker.counts() == {"sketched": 30, "dropped": 60}
    worker.score(years.patients(30, 1).X)
    worker.add_up()
    assert worker.counts() == {"sketched": 60, "dropped": 60}


def test_many_patients_are_sketched_before_they_fill_the_queue(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker.sketcher, "_many", 50)
    X = years.patients(60, 1).X
    worker.score(X[:30])
    assert worker.counts() == {}
    worker.score(X[30:])
    assert worker.counts() == {"sketched": 60}


def test_a_value_that_cannot_be_sketched_is_counted_and_never_logged(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    X = years.patients(3, 1).X
    X[1, 2] = np.nan
    worker.score(X)
    worker.add_up()
    assert worker.counts() == {"failed": 3}
    assert [record.getMessage() for record in caplog.records] == ["3 patients could not be sketched: ValueError"]


def test_without_a_reference_serving_goes_on_with_one_line_in_the_log(
    tmp_path: Path, references: dict[str, Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sketchers, "_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(sketchers, "_RETRY_SECONDS", 0.0)
    references["logistic"] = WdbcError("nothing was evaluated yet")
    worker = start(tmp_path)
    worker.sketcher.look()
    worker.score(years.patients(40, 1).X)
    worker.add_up()
    assert worker.counts() == {"without_reference": 40}
    assert drift_watched() == 0
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors == ["the drift of the patients is not watched: nothing was evaluated yet"]
    references["logistic"] = REFERENCE
    worker.sketcher.look()
    worker.score(years.patients(40, 1).X)
    worker.add_up()
    assert worker.counts() == {"without_reference": 40, "sketched": 40}
    assert drift_watched() == 1


def test_a_champion_of_another_recipe_waits_for_its_reference_and_has_a_window_of_its_own(
    worker: Worker, references: dict[str, Any]
) -> None:
    first, second = years.patients(40, 1).X, years.patients(40, 2).X
    worker.score(first)
    worker.add_up()
    references["spline"] = OTHER
    worker.champion.loaded = Champion.of("spline", "v2").loaded
    worker.score(second)
    worker.add_up()
    assert worker.counts() == {"sketched": 40}, "the second request waits"
    worker.sketcher.look()
    worker.add_up()
    worker.write()
    found = {one.recipe: (one.reference, one.champions, one.sketch.rows) for one in worker.windows()}
    assert found == {"logistic": (REFERENCE.digest, ("v1",), 40), "spline": (OTHER.digest, ("v2",), 40)}


def test_patients_of_the_recipe_before_are_sketched_after_the_next_reference_is_there(
    worker: Worker, references: dict[str, Any]
) -> None:
    references["spline"] = OTHER
    worker.score(years.patients(40, 1).X)
    worker.champion.loaded = Champion.of("spline", "v2").loaded
    worker.sketcher.look()
    worker.add_up()
    assert worker.counts() == {"sketched": 40}


def test_patients_of_a_recipe_that_is_long_gone_do_not_wait_for_ever(
    worker: Worker, references: dict[str, Any]
) -> None:
    X = years.patients(40, 1).X
    worker.score(X)
    for recipe in ("spline", "svc"):
        references[recipe] = OTHER
        worker.champion.loaded = Champion.of(recipe).loaded
        worker.sketcher.look()
    worker.add_up()
    assert worker.counts() == {"without_reference": 40}
    worker.score(X)
    worker.add_up()
    assert worker.counts() == {"without_reference": 40, "sketched": 40}


def test_a_large_reference_is_used_for_fewer_patients_at_a_time(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sketchers, "_LARGE_REFERENCE", 100)
    monkeypatch.setattr(sketchers, "_MANY_OF_LARGE", 30)
    worker.sketcher._keep("logistic", REFERENCE)
    worker.score(years.patients(30, 1).X)
    assert worker.counts() == {"sketched": 30}


def test_a_file_whose_folder_cannot_be_flushed_counts_as_written(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sync_folder(_: Path) -> None:
        raise OSError("the disk does not flush")

    worker.files.windows.mkdir(parents=True)
    monkeypatch.setattr(atomic, "sync_folder", sync_folder)
    worker.score(years.patients(40, 1).X)
    worker.add_up()
    worker.write()
    worker.add_up(END + GRACE)
    worker.write()
    assert [(window.window, window.sketch.rows) for window in worker.windows()] == [("2026-W48", 40)]


def test_a_new_evaluation_replaces_the_reference_and_a_failing_one_keeps_the_earlier(
    worker: Worker, references: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sketchers, "_LOOK_SECONDS", 0.0)
    references["logistic"] = WdbcError("the store is away")
    worker.sketcher._look_at = 0.0
    worker.sketcher.look()
    worker.score(years.patients(40, 1).X)
    worker.add_up()
    references["logistic"] = OTHER
    worker.sketcher.look()
    worker.score(years.patients(40, 1).X)
    worker.add_up()
    worker.write()
    assert {one.reference for one in worker.windows()} == {REFERENCE.digest, OTHER.digest}


def test_a_reference_that_cannot_be_built_is_tried_again_after_a_pause_or_another_evaluation(
    tmp_path: Path, references: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sketchers, "_LOOK_SECONDS", 0.0)
    tried: list[str] = []
    load = served_reference.load

    def noted(key: str, recipe: str) -> streams.Reference:
        tried.append(recipe)
        return load(key, recipe)

    monkeypatch.setattr(served_reference, "load", noted)
    references |= {"logistic": WdbcError("not evaluated"), "spline": OTHER}
    worker = start(tmp_path)
    for recipe in ("logistic", "spline", "logistic", "spline"):  # a promotion, a rollback, and a promotion
        worker.champion.loaded = Champion.of(recipe).loaded
        worker.sketcher.look()
        assert drift_watched() == (recipe == "spline")
    assert tried == ["logistic", "spline"], "the reference before is still there"
    worker.champion.loaded = Champion.of("logistic").loaded
    references["logistic"] = REFERENCE
    worker.sketcher.look()
    assert drift_watched() == 1
