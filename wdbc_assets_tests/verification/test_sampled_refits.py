"""Verification of refits and scored folds: a few are computed again, the others are taken from the stored files."""

from pathlib import Path
from typing import Any

import pytest

from wdbc_assets.domain.data import splitting
from wdbc_assets.domain.evaluation import importance, refits
from wdbc_assets.domain.modeling import fitting
from wdbc_assets.pipeline.engines import feature_importance, refitting
from wdbc_assets.pipeline.engines.local import Local
from wdbc_assets.store import codecs
from wdbc_assets.store.checkpoints import Checkpoints
from wdbc_assets.store.store import open_store
from wdbc_assets.verification import sampling
from wdbc_assets_tests.domain import validation

Inputs = dict[str, Any]


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    frame = validation.clean_frame()
    split = splitting.split(frame)
    fit = fitting.fit(split.X_train, split.y_train, recipe="logistic", grid="small")
    return {"clean_frame": frame, "train_test_split": split, "fitted_pipeline": fit}


@pytest.fixture(scope="module")
def stored(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return made(inputs, open_checkpoints(tmp_path_factory.mktemp("stored")))


def open_checkpoints(folder: Path) -> Checkpoints:
    return open_store(str(folder), relative_to=folder).checkpoints("stability", [])


def made(inputs: Inputs, checkpoints: Checkpoints) -> dict[str, bytes]:
    value = refitting.refit(
        inputs["clean_frame"], inputs["fitted_pipeline"],
        bootstraps=10, splits=2, seed=42, engine=Local(1), checkpoints=checkpoints, report=lambda *_: None,
    )  # fmt: skip
    return codecs.encode("stability", value)[1]


def test_one_refit_of_each_kind_is_done_again_and_gives_the_same_files(
    inputs: Inputs, stored: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again: list[refits.RefitUnit] = []
    run = refits.run

    def recorded(task: refits.RefitTask, unit: refits.RefitUnit) -> refits.Outcome:
        again.append(unit)
        return run(task, unit)

    monkeypatch.setattr(refits, "run", recorded)
    checkpoints = open_checkpoints(tmp_path)
    assert sampling.refits(checkpoints, stored, inputs, "a version") == "3 of 13 refits done again"
    assert made(inputs, checkpoints) == stored
    assert sorted(unit.kind for unit in again) == ["bootstrap", "learning", "original"]


def test_altered_probabilities_are_detected_by_the_refits_that_are_done_again(
    inputs: Inputs, stored: dict[str, bytes], tmp_path: Path
) -> None:
    table = codecs.from_parquet(stored["probabilities.parquet"])
    table["probability"] *= 0.99
    forged = stored | {"probabilities.parquet": codecs.to_parquet(table)}
    checkpoints = open_checkpoints(tmp_path)
    sampling.refits(checkpoints, forged, inputs, "a version")
    derived = made(inputs, checkpoints)
    assert {name for name in forged if derived[name] != forged[name]} == {"probabilities.parquet", "summary.json"}


@pytest.mark.parametrize("lost", ["developments.json", "learning.json"])
def test_files_that_do_not_belong_together_are_not_sampled(
    inputs: Inputs, stored: dict[str, bytes], tmp_path: Path, lost: str
) -> None:
    with pytest.raises(LookupError):
        sampling.refits(open_checkpoints(tmp_path), stored | {lost: b"[]"}, inputs, "a version")
    with pytest.raises(LookupError):
        sampling.refits(
            open_checkpoints(tmp_path), {name: stored[name] for name in stored if name != lost}, inputs, "a version"
        )


def test_one_fold_of_an_importance_is_scored_again(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored = []

    def score_fold(_task: importance.ImportanceTask, unit: Any) -> importance.FoldLosses:
        scored.append(unit)
        losses = dict.fromkeys(importance.CLUSTERS, 0.1 + unit.fold / 100)
        return importance.FoldLosses(repeat=unit.repeat, fold=unit.fold, log_loss=0.07, permuted=losses, without=losses)

    def files(checkpoints: Checkpoints) -> dict[str, bytes]:
        value = feature_importance.importance(
            *inputs.values(),
            permutations=1, seed=42, engine=Local(1), checkpoints=checkpoints, report=lambda *_: None,
        )  # fmt: skip
        return codecs.encode("importance", value)[1]

    monkeypatch.setattr(importance, "score_fold", score_fold)
    stored = files(open_checkpoints(tmp_path / "stored"))
    scored.clear()
    checkpoints = open_checkpoints(tmp_path / "verified")
    assert sampling.scored_folds(checkpoints, stored, inputs, "a version") == "1 of 30 folds scored again"
    assert files(checkpoints) == stored
    assert len(scored) == 1
