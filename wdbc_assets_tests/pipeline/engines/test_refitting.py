"""The units of stability and importance: kept when done, and done again when their checkpoint is another's."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from wdbc_assets.domain.data import splitting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import cross_validation, importance, refits
from wdbc_assets.domain.evaluation.refits import Outcome, RefitTask, RefitUnit
from wdbc_assets.domain.evaluation.stability import Stability
from wdbc_assets.domain.modeling import fitting
from wdbc_assets.pipeline.engines import feature_importance, refitting
from wdbc_assets.pipeline.engines.local import Local
from wdbc_assets.store import parsing
from wdbc_assets.store.checkpoints import Checkpoints
from wdbc_assets.store.store import open_store
from wdbc_assets_tests import results
from wdbc_assets_tests.domain import validation


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return validation.clean_frame()


@pytest.fixture(scope="module")
def fit(frame: pd.DataFrame) -> fitting.Fit:
    split = splitting.split(frame)
    return fitting.fit(split.X_train, split.y_train, recipe="logistic", grid="small")


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return open_store(str(tmp_path / "store"), relative_to=tmp_path).checkpoints("stability", ["frame", "code"])


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[RefitUnit]:
    """Note which units are run; each has the outcome of a result for tests, for the patients of the frame."""
    units: list[RefitUnit] = []
    example = results.stability()

    def run(task: RefitTask, unit: RefitUnit) -> Outcome:
        units.append(unit)
        if unit.kind == "learning":
            return example.learning[0]
        development = example.developments[1 + unit.number % 10 if unit.kind == "bootstrap" else 0]
        p = (0.2 + 0.01 * unit.number, 0.8) * len(task.frame)
        return refits.Refit(development=development, probabilities=p[: len(task.frame)])

    monkeypatch.setattr(refits, "run", run)
    return units


def refit(frame: pd.DataFrame, fit: fitting.Fit, checkpoints: Checkpoints, *, seed: int = 42) -> Stability:
    return refitting.refit(
        frame, fit, bootstraps=12, splits=2, seed=seed, engine=Local(1), checkpoints=checkpoints, report=lambda *_: None
    )


def test_a_finished_refit_is_not_done_again(
    frame: pd.DataFrame, fit: fitting.Fit, checkpoints: Checkpoints, done: list[RefitUnit]
) -> None:
    first = refit(frame, fit, checkpoints)
    assert len(done) == 15
    again = refit(frame, fit, checkpoints)
    assert len(done) == 15
    assert (again.summary, again.developments, again.learning) == (first.summary, first.developments, first.learning)
    refit(frame, fit, checkpoints, seed=1)
    assert len(done) == 30


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: {},
        lambda value: [],
        lambda value: value | {"probabilities": value["probabilities"][1:]},
        lambda value: value | {"development": value["development"] | {"redrawn": "none"}},
    ],
    ids=["empty", "a list", "of another frame", "of another type"],
)
def test_a_checkpoint_of_something_else_is_done_again(
    frame: pd.DataFrame,
    fit: fitting.Fit,
    checkpoints: Checkpoints,
    done: list[RefitUnit],
    tmp_path: Path,
    spoil: Callable[..., object],
) -> None:
    first = refit(frame, fit, checkpoints)
    (path,) = tmp_path.rglob("logistic-*-bootstrap-4.json")
    value = spoil(json.loads(path.read_text())["value"])
    path.write_text(json.dumps({"value": value, "digest": parsing.digest(value)}))
    assert refit(frame, fit, checkpoints).summary == first.summary
    assert done[15:] == [RefitUnit("bootstrap", 4)]


def test_an_interrupted_work_goes_on_where_it_was(
    frame: pd.DataFrame,
    fit: fitting.Fit,
    checkpoints: Checkpoints,
    done: list[RefitUnit],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = refits.run

    def interrupted(task: RefitTask, unit: RefitUnit) -> Outcome:
        if len(done) == 5:
            raise KeyboardInterrupt
        return run(task, unit)

    monkeypatch.setattr(refits, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        refit(frame, fit, checkpoints)
    monkeypatch.setattr(refits, "run", run)
    refit(frame, fit, checkpoints)
    assert len(done) == len(set(done)) == 15


def test_too_few_patients_are_refused_before_any_unit(
    frame: pd.DataFrame, fit: fitting.Fit, checkpoints: Checkpoints, done: list[RefitUnit]
) -> None:
    with pytest.raises(WdbcError, match="needed: at least 20"):
        refit(frame.iloc[:30], fit, checkpoints)
    assert done == []


def test_a_scored_fold_is_not_scored_again_and_a_foreign_one_is(
    frame: pd.DataFrame, fit: fitting.Fit, checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scored = []

    def score_fold(_task: importance.ImportanceTask, unit: cross_validation.FoldUnit) -> importance.FoldLosses:
        scored.append(unit)
        losses = dict.fromkeys(importance.CLUSTERS, 0.1 + unit.fold / 100)
        return importance.FoldLosses(repeat=unit.repeat, fold=unit.fold, log_loss=0.07, permuted=losses, without=losses)

    def importance_of() -> importance.Importance:
        return feature_importance.importance(
            frame, splitting.split(frame), fit,
            permutations=1, seed=42, engine=Local(1), checkpoints=checkpoints, report=lambda *_: None,
        )  # fmt: skip

    monkeypatch.setattr(importance, "score_fold", score_fold)
    first = importance_of()
    assert len(scored) == 30
    assert importance_of() == first
    assert len(scored) == 30
    (path,) = tmp_path.rglob("logistic-*-1-4.json")
    value = json.loads(path.read_text())["value"] | {"fold": 5}
    path.write_text(json.dumps({"value": value, "digest": parsing.digest(value)}))
    assert importance_of() == first
    assert [(unit.repeat, unit.fold) for unit in scored[30:]] == [(1, 4)]
