"""Repeated nested cross-validation: a probability for each patient from models that never saw that patient.

The outer folds of repeat r are `StratifiedKFold(10, shuffle=True, random_state=r)`: every recipe is judged on the same
ones. Inside each, the recipe's candidates compete by log-loss or accuracy on 5 inner folds of the other patients, and
the winner, fitted on all of those, answers for the fold. One fold of one recipe is the unit of work: it depends on
nothing but the rows and its own numbers, so units can be done in any order, in any process, and kept.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.data import contract, preconditions
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import prediction, recipes, search

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import pandas as pd

OUTER_FOLDS = 10
INNER_FOLDS = 5
INNER_SEED = 42  # of the inner folds, and of the solvers that draw random numbers


@dataclass(frozen=True, order=True)
class Unit:
    """One outer fold of one repeat of one recipe."""

    recipe: str
    repeat: int
    fold: int

    def __str__(self) -> str:
        return f"{self.recipe}, repeat {self.repeat + 1}, fold {self.fold + 1} of {OUTER_FOLDS}"


@dataclass(frozen=True)
class Outcome:
    """What a unit found: the winner's parameters, and P(malignant) of each row of the fold, in the order of `rows`."""

    winner: dict[str, recipes.Parameter]
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class CrossValidation:
    """Every unit's outcome.

    `predictions` has one row per recipe, repeat and patient, with the columns `recipe`, `repeat`, `patient` (its
    position in the clean frame), `fold`, `diagnosis` (1 = malignant) and `probability` (of malignant). `winners` has
    one entry per unit. `summary` is what `comparison.summary` makes of the predictions.
    """

    predictions: pd.DataFrame
    winners: list[dict[str, Any]]
    summary: dict[str, Any]


def units(names: Sequence[str], protocol: str) -> list[Unit]:
    """List the units of a protocol: `quick` has 3 repeats, `full` 10.

    Raises WdbcError for a recipe or protocol that is unknown, and for no recipe at all.
    """
    if protocol not in recipes.PROTOCOLS:
        raise WdbcError(f"There is no protocol {protocol!r}.", where="protocol", hint="Choose quick or full.")
    if not names:
        raise WdbcError("There is no recipe to evaluate.", where="recipes", hint="Name at least one.")
    chosen = [recipes.named(name).name for name in dict.fromkeys(names)]
    return [
        Unit(name, repeat, fold)
        for repeat in range(recipes.PROTOCOLS[protocol])
        for name in chosen
        for fold in range(OUTER_FOLDS)
    ]


def fold_rows(y: np.ndarray, unit: Unit) -> tuple[np.ndarray, np.ndarray]:
    """Give the positions of the rows to fit on, and of those to answer for."""
    return _outer(y, unit.repeat)[unit.fold]


def folds(y: np.ndarray, repeat: int) -> np.ndarray:
    """Give for each row the fold that answers for it in a repeat."""
    import numpy as np

    fold_of = np.empty(len(y), dtype=np.int64)
    for fold, (_, answer_for) in enumerate(_outer(y, repeat)):
        fold_of[answer_for] = fold
    return fold_of


def _outer(y: np.ndarray, repeat: int) -> list[tuple[np.ndarray, np.ndarray]]:
    import numpy as np
    from sklearn.model_selection import StratifiedKFold

    return list(StratifiedKFold(OUTER_FOLDS, shuffle=True, random_state=repeat).split(np.zeros(len(y)), y))


def evaluate_fold(frame: pd.DataFrame, unit: Unit) -> Outcome:
    """Do one unit on the clean frame. Linear algebra runs on one thread, so that the answer is always the same.

    Raises WdbcError, naming recipe, repeat and fold, if no model can be fitted.
    """
    from threadpoolctl import threadpool_limits

    X, y = measurements(frame)
    fit_on, answer_for = fold_rows(y.to_numpy(), unit)
    chosen = recipes.named(unit.recipe)
    X_fit, y_fit = X.iloc[fit_on], y.iloc[fit_on]
    try:
        with threadpool_limits(limits=1):
            unfitted = chosen.build(INNER_SEED)
            winner = _winner(chosen, unfitted, X_fit, y_fit)
            pipeline = search.refit(unfitted, winner, X_fit, y_fit)[0]
            answers = prediction.predict(pipeline, X.iloc[answer_for])
    except Exception as cause:  # a recipe is anybody's code, and the other folds are to be judged
        raise _failure(unit, cause) from cause
    return Outcome(winner, tuple(answers.tolist()))


def _failure(unit: Unit, cause: Exception) -> WdbcError:
    """Name the unit and the reason; of what nobody foresaw, its kind and the place that raised it too."""
    if isinstance(cause, WdbcError):
        return WdbcError(f"{unit}: {cause.what}", where=cause.where, hint=cause.hint, detail=cause.detail)
    if isinstance(cause, MemoryError):
        return WdbcError(f"{unit}: memory ran out", hint="Use fewer workers: `--workers 1`.")
    *_, place = traceback.extract_tb(cause.__traceback__)
    return WdbcError(
        f"{unit}: {type(cause).__name__}: {cause}",
        where=f"{place.filename}, line {place.lineno}",
        hint="Correct the recipe, or leave it out.",
    )


def _winner(chosen: recipes.Recipe, unfitted: Any, X: pd.DataFrame, y: pd.Series) -> dict[str, recipes.Parameter]:
    candidates = chosen.candidates("full")
    if len(candidates) == 1:  # nothing to choose
        return dict(candidates[0])
    found = search.search(
        unfitted,
        candidates,
        X,
        y,
        scoring=chosen.scoring,
        folds=INNER_FOLDS,
        shuffle_seed=INNER_SEED,
        on_fit=lambda _: None,
    )
    return found.winner.params


def measurements(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series[int]]:
    """Part a clean frame into the 30 measurements and the diagnoses.

    Raises WdbcError unless both are fit for every outer and inner fold.
    """
    X, y = frame[list(contract.FEATURES)], frame[contract.DIAGNOSIS]
    preconditions.require_finite(X)
    preconditions.require_diagnoses(y, rows=len(X), of_each=2 * OUTER_FOLDS)
    return X, y


def assemble(frame: pd.DataFrame, outcomes: Mapping[Unit, Outcome]) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Put the outcomes together: the table of predictions, and each unit's winner. Their order is always the same."""
    import numpy as np
    import pandas as pd

    y = frame[contract.DIAGNOSIS].to_numpy()
    fold_of = {repeat: folds(y, repeat) for repeat in {unit.repeat for unit in outcomes}}
    parts = []
    for unit in sorted(outcomes):
        answered = np.flatnonzero(fold_of[unit.repeat] == unit.fold)
        parts.append(
            pd.DataFrame(
                {
                    "recipe": unit.recipe,
                    "repeat": np.int64(unit.repeat),
                    "patient": answered.astype(np.int64),
                    "fold": np.int64(unit.fold),
                    "diagnosis": y[answered].astype(np.int64),
                    "probability": outcomes[unit].probabilities,
                }
            )
        )
    table = pd.concat(parts, ignore_index=True).sort_values(["recipe", "repeat", "patient"], ignore_index=True)
    winners = [
        {"recipe": unit.recipe, "repeat": unit.repeat, "fold": unit.fold, "winner": outcomes[unit].winner}
        for unit in sorted(outcomes)
    ]
    return table, winners
