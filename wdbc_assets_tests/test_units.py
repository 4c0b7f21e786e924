"""Units of an evaluation: kept when done, told when they fail, and the same whoever does them."""

from pathlib import Path

import pandas as pd
import pytest

from wdbc_assets import units
from wdbc_assets.domain import cleaning, cross_validation, reading, recipes
from wdbc_assets.domain.cross_validation import Outcome, Unit
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.storage.store import open_store
from wdbc_assets.storage.workbench import Workbench
from wdbc_assets_tests import builders


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return cleaning.clean(reading.read(builders.bundled_uci_bytes()))


@pytest.fixture
def workbench(tmp_path: Path) -> Workbench:
    return open_store(str(tmp_path / "store"), relative_to=tmp_path).workbench("cross_validation", ["frame", "code"])


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[Unit]:
    """Note which units are done, and do them at once: each patient is as malignant as diagnosed."""
    done: list[Unit] = []

    def judge(frame: pd.DataFrame, unit: Unit) -> Outcome:
        done.append(unit)
        answered = cross_validation.rows(frame["diagnosis"].to_numpy(), unit)[1]
        return Outcome({}, tuple((0.1 + 0.8 * frame["diagnosis"].to_numpy()[answered]).tolist()))

    monkeypatch.setattr(cross_validation, "judge", judge)
    return done


def evaluate(
    frame: pd.DataFrame, workbench: Workbench, *names: str, workers: int = 1
) -> cross_validation.CrossValidation:
    return units.evaluate(
        frame, recipes=names, protocol="quick", workers=workers, workbench=workbench, report=lambda done, total: None
    )


def test_what_was_done_is_not_done_again(frame: pd.DataFrame, workbench: Workbench, judged: list[Unit]) -> None:
    first = evaluate(frame, workbench, "logistic")
    assert len(judged) == 30
    again = evaluate(frame, workbench, "logistic")
    assert len(judged) == 30
    pd.testing.assert_frame_equal(first.predictions, again.predictions)
    evaluate(frame, workbench, "logistic", "svc")
    assert [unit.recipe for unit in judged[30:]] == ["svc"] * 30


def test_a_damaged_part_is_done_again(
    frame: pd.DataFrame, workbench: Workbench, judged: list[Unit], tmp_path: Path
) -> None:
    evaluate(frame, workbench, "logistic")
    first, second, third, *_ = sorted(tmp_path.rglob("logistic-*.json"))
    first.write_bytes(b"")
    second.write_text(second.read_text().replace("0.1", "0.2"))
    third.write_text("[]")
    evaluate(frame, workbench, "logistic")
    assert len(judged) == 33


def test_work_that_depends_on_something_else_and_work_done_anew_shares_no_parts(
    frame: pd.DataFrame, workbench: Workbench, judged: list[Unit], tmp_path: Path
) -> None:
    evaluate(frame, workbench, "logistic")
    store = open_store(str(tmp_path / "store"), relative_to=tmp_path)
    evaluate(frame, store.workbench("cross_validation", ["frame", "other code"]), "logistic")
    assert len(judged) == 60
    evaluate(frame, store.workbench("cross_validation", ["frame", "code"], anew=True), "logistic")
    assert len(judged) == 90


@pytest.mark.parametrize("workers", [1, 2])
def test_a_recipe_that_fails_is_told_and_the_other_folds_are_kept(
    frame: pd.DataFrame, workbench: Workbench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, workers: int
) -> None:
    if workers == 1:
        real = cross_validation.judge

        def judge(frame: pd.DataFrame, unit: Unit) -> Outcome:
            if unit.fold == 3:
                raise WdbcError(f"{unit}: it broke", mend="Mend it.")
            return real(frame, unit)

        monkeypatch.setattr(cross_validation, "judge", judge)
        with pytest.raises(WdbcError, match=r"3 of 30 folds .* logistic, repeat 1, fold 4 of 10: it broke") as refused:
            evaluate(frame, workbench, "logistic")
        assert refused.value.mend.startswith("Mend it.")
        assert len(list(tmp_path.rglob("logistic-*.json"))) == 27
    else:
        # A constant column per fold would be needed to break scikit-learn itself; a recipe unknown to the workers does.
        monkeypatch.setitem(recipes.RECIPES, "here_only", recipes.named("logistic"))
        monkeypatch.setattr(cross_validation, "units", lambda *_: [Unit("here_only", 0, fold) for fold in range(3)])
        with pytest.raises(WdbcError, match="3 of 3 folds could not be judged: There is no recipe 'here_only'"):
            evaluate(frame, workbench, "here_only", workers=2)


def test_too_few_patients_are_refused_before_any_unit(frame: pd.DataFrame, workbench: Workbench) -> None:
    with pytest.raises(WdbcError, match="needed: at least 20"):
        evaluate(frame.iloc[:30], workbench, "logistic")
