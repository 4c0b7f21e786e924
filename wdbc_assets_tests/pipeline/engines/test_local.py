"""Units of an evaluation: kept when done, reported when they fail, and the same in any process."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from wdbc_assets.domain.data import cleaning, reading
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import cross_validation
from wdbc_assets.domain.evaluation.comparison import CrossValidation
from wdbc_assets.domain.evaluation.cross_validation import FoldOutcome, FoldUnit
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.orchestration.definitions import defs
from wdbc_assets.pipeline.engines import folds
from wdbc_assets.pipeline.engines.engine import Lost, in_order
from wdbc_assets.pipeline.engines.local import Local
from wdbc_assets.store.checkpoints import Checkpoints
from wdbc_assets.store.store import open_store
from wdbc_assets_tests import builders, clusters


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return cleaning.clean(reading.read(builders.bundled_uci_bytes()))


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return open_store(str(tmp_path / "store"), relative_to=tmp_path).checkpoints("cross_validation", ["frame", "code"])


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[FoldUnit]:
    """Note which units are done, and do them at once: patients are as malignant as diagnosed, but for one in fifty."""
    done: list[FoldUnit] = []

    def evaluate_fold(frame: pd.DataFrame, unit: FoldUnit) -> FoldOutcome:
        done.append(unit)
        y = frame["diagnosis"].to_numpy()
        answers = 0.1 + 0.8 * np.where(np.arange(len(y)) % 50 == 7, 1 - y, y)
        return FoldOutcome({}, tuple(answers[cross_validation.fold_rows(frame, unit)[1]].tolist()))

    monkeypatch.setattr(cross_validation, "evaluate_fold", evaluate_fold)
    return done


def evaluate(frame: pd.DataFrame, checkpoints: Checkpoints, *names: str, workers: int = 1) -> CrossValidation:
    return folds.evaluate(
        frame,
        recipes=names,
        protocol="quick",
        engine=Local(workers),
        checkpoints=checkpoints,
        report=lambda done, total: None,
    )


def test_what_was_done_is_not_done_again(
    frame: pd.DataFrame, checkpoints: Checkpoints, evaluated: list[FoldUnit]
) -> None:
    first = evaluate(frame, checkpoints, "logistic")
    assert len(evaluated) == 30
    again = evaluate(frame, checkpoints, "logistic")
    assert len(evaluated) == 30
    pd.testing.assert_frame_equal(first.predictions, again.predictions)
    evaluate(frame, checkpoints, "logistic", "svc")
    assert [unit.recipe for unit in evaluated[30:]] == ["svc"] * 30


def a_part(value: object) -> str:
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
    return json.dumps({"value": value, "digest": digest})


@pytest.mark.fault("F05")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: "",
        lambda content: content[: len(content) // 2],
        lambda content: content.replace("0.1", "0.2"),
        lambda content: "[]",
        lambda content: a_part("something else"),
        lambda content: a_part({"winner": {}, "probabilities": [0.5]}),
        lambda content: a_part({"winner": {}}),
    ],
    ids=["empty", "cut", "changed", "a list", "of other work", "of another fold", "half of it"],
)
def test_a_part_that_is_damaged_or_foreign_is_done_again(
    frame: pd.DataFrame,
    checkpoints: Checkpoints,
    evaluated: list[FoldUnit],
    tmp_path: Path,
    spoil: Callable[[str], str],
) -> None:
    first = evaluate(frame, checkpoints, "logistic")
    (part,) = tmp_path.rglob("logistic-*-1-4.json")
    whole = part.read_text()
    part.write_text(spoil(whole))
    again = evaluate(frame, checkpoints, "logistic")
    assert evaluated[30:] == [FoldUnit("logistic", 1, 4)]
    assert part.read_text() == whole
    pd.testing.assert_frame_equal(first.predictions, again.predictions)


def test_work_that_depends_on_something_else_and_work_done_again_shares_no_parts(
    frame: pd.DataFrame, checkpoints: Checkpoints, evaluated: list[FoldUnit], tmp_path: Path
) -> None:
    evaluate(frame, checkpoints, "logistic")
    store = open_store(str(tmp_path / "store"), relative_to=tmp_path)
    evaluate(frame, store.checkpoints("cross_validation", ["frame", "other code"]), "logistic")
    assert len(evaluated) == 60
    evaluate(frame, store.checkpoints("cross_validation", ["frame", "code"], fresh=True), "logistic")
    assert len(evaluated) == 90


@pytest.mark.parametrize("workers", [1, 2])
def test_a_recipe_that_fails_is_reported_and_the_other_folds_are_kept(
    frame: pd.DataFrame, checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, workers: int
) -> None:
    if workers == 1:
        real = cross_validation.evaluate_fold

        def evaluate_fold(frame: pd.DataFrame, unit: FoldUnit) -> FoldOutcome:
            if unit.fold == 3:
                raise WdbcError(f"{unit}: it broke", hint="Fix it.")
            return real(frame, unit)

        monkeypatch.setattr(cross_validation, "evaluate_fold", evaluate_fold)
        with pytest.raises(WdbcError, match=r"3 of 30 folds .* logistic, repeat 1, fold 4 of 10: it broke") as refused:
            evaluate(frame, checkpoints, "logistic")
        assert refused.value.hint.startswith("Fix it.")
        assert len(list(tmp_path.rglob("logistic-*.json"))) == 27
    else:
        # A constant column per fold would be needed to break scikit-learn itself; a recipe unknown to the workers does.
        monkeypatch.setitem(recipes.RECIPES, "here_only", recipes.named("logistic"))
        monkeypatch.setattr(cross_validation, "units", lambda *_: [FoldUnit("here_only", 0, fold) for fold in range(3)])
        with pytest.raises(WdbcError, match="3 of 3 folds could not be evaluated: There is no recipe 'here_only'"):
            evaluate(frame, checkpoints, "here_only", workers=2)


def test_too_few_patients_are_refused_before_any_unit(frame: pd.DataFrame, checkpoints: Checkpoints) -> None:
    with pytest.raises(WdbcError, match="needed: at least 20"):
        evaluate(frame.iloc[:30], checkpoints, "logistic")


def test_once_an_evaluation_is_stored_parts_of_other_work_go_unless_it_may_still_go_on(
    frame: pd.DataFrame, evaluated: list[FoldUnit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_WORKERS", "1")
    store = open_store(str(tmp_path / "results"), relative_to=tmp_path)
    for name in ("old", "of yesterday", "at work"):
        evaluate(frame, store.checkpoints("cross_validation", [name]), "logistic")
    places = {name: store.checkpoints("cross_validation", [name]).folder for name in ("old", "of yesterday", "at work")}
    for name, days in (("old", 30), ("of yesterday", 1.1)):
        for path in (tmp_path / "results" / places[name], *(tmp_path / "results" / places[name]).iterdir()):
            os.utime(path, times=(time.time() - days * 86400,) * 2)
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def("evaluate").execute_in_process(instance=instance)
    assert result.success
    left = {path.name for path in (tmp_path / "results/cross_validation/parts").iterdir()}
    own = left - {Path(places["at work"]).name}
    assert len(own) == 1
    assert len(left) == 2


def test_outcomes_are_in_the_order_of_the_units_also_if_a_process_dies(tmp_path: Path) -> None:
    outcomes = in_order(Local(2), clusters.dies, str(tmp_path), [1, 2, 3, 4, 5, 6], noun="squares")
    assert list(outcomes) == [1, 4, 9, 16, 25, 36]
    assert (tmp_path / "5").exists()


def test_a_unit_that_ends_its_process_twice_is_an_error(tmp_path: Path) -> None:
    outcomes = in_order(Local(2), clusters.dies, str(tmp_path), [1, 2, 7, 8], noun="squares")
    with pytest.raises(Lost, match="a worker process died while it computed squares"):
        list(outcomes)


def test_a_unit_that_fails_ends_the_outcomes() -> None:
    with pytest.raises(WdbcError, match="unit 1: it broke"):
        list(in_order(Local(1), clusters.refused, None, [1, 2], noun="squares"))


def ran(code: str, temporary: Path) -> "subprocess.CompletedProcess[str]":
    """Run code that has a pool of two processes with large outcomes, in a process of its own: it could wait forever."""
    prelude = """
import contextlib, multiprocessing, os, signal, time
from wdbc_assets.pipeline.engines.engine import Lost, completed
from wdbc_assets.pipeline.engines.local import Local
from wdbc_assets_tests.clusters import repeated
def opened():
    return contextlib.closing(completed(Local(2), repeated, 3_000_000, range(10_000), noun="texts"))
"""
    return subprocess.run(
        [sys.executable, "-c", prelude + code],
        cwd=Path(__file__).parents[3], env=os.environ | {"TMPDIR": str(temporary)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_an_interruption_while_large_outcomes_are_sent_ends_all_processes_at_once(tmp_path: Path) -> None:
    code = """
try:
    with opened() as outcomes:
        for number, _ in enumerate(outcomes):
            if number == 7:
                raise KeyboardInterrupt
except KeyboardInterrupt:
    print("left:", multiprocessing.active_children())
"""
    assert ran(code, tmp_path).stdout == "left: []\n"
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_is_killed_while_it_sends_a_large_outcome_ends_the_pool(tmp_path: Path) -> None:
    code = """
lost = 0
for attempt in range(12):
    try:
        with opened() as outcomes:
            for number, _ in enumerate(outcomes):
                if number == 7:
                    time.sleep(attempt / 1000)
                    os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
    except Lost:
        lost += 1
print("lost:", lost)
"""
    assert ran(code, tmp_path).stdout == "lost: 12\n"
    assert list(tmp_path.iterdir()) == []


def test_of_a_parent_that_is_killed_no_outcome_stays_on_the_disk(tmp_path: Path) -> None:
    code = """
with opened() as outcomes:
    for number, _ in enumerate(outcomes):
        if number == 7:
            os.kill(os.getpid(), signal.SIGKILL)
"""
    assert ran(code, tmp_path).returncode == -signal.SIGKILL
    end = time.monotonic() + 60
    while list(tmp_path.iterdir()):
        assert time.monotonic() < end, "the processes of the pool remove it"
        time.sleep(0.05)
