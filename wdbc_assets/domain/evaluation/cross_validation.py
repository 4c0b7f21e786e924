"""Repeated nested cross-validation: each patient is scored by models that were fitted without that patient.

The outer folds of repeat r are `StratifiedKFold(10, shuffle=True, random_state=r)`, or the ten folds by hash of seed r
(see `membership`), the same for every recipe. For each outer fold, the candidates of a recipe are compared by log-loss
or accuracy on inner folds of the other patients, by the function that also selects the candidate that ships
(`fitting.select`). The winner is fitted on all of those patients and scores the fold. A unit of work is one fold of one
recipe. It depends only on the rows and its own numbers, so units can run in any order and process, and their results
can be reused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.data import contract, membership, preconditions
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import unit_errors
from wdbc_assets.domain.modeling import fitting, prediction, recipes, search

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import pandas as pd

OUTER_FOLDS = 10


@dataclass(frozen=True, order=True)
class FoldUnit:
    """One outer fold of one repeat of one recipe, and how folds are drawn."""

    recipe: str
    repeat: int
    fold: int
    method: membership.Method = "shuffled"

    def __str__(self) -> str:
        return f"{self.recipe}, repeat {self.repeat + 1}, fold {self.fold + 1} of {OUTER_FOLDS}"


@dataclass(frozen=True)
class FoldOutcome:
    """The result of a unit: the winner's parameters, and P(malignant) of the rows that `fold_rows` gives to score."""

    winner: dict[str, recipes.Parameter]
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Winner:
    """The parameters that the inner search of a unit selected."""

    recipe: str
    repeat: int
    fold: int
    winner: dict[str, recipes.Parameter]


def units(names: Sequence[str], protocol: str, method: membership.Method = "shuffled") -> list[FoldUnit]:
    """Return the units of a protocol: `quick` has 3 repeats, `full` has 10.

    Raises:
        WdbcError: a recipe or the protocol is unknown, or no recipe is given.
    """
    if protocol not in recipes.PROTOCOLS:
        raise WdbcError(f"There is no protocol {protocol!r}.", where="protocol", hint="Choose quick or full.")
    if not names:
        raise WdbcError("There is no recipe to evaluate.", where="recipes", hint="Name at least one.")
    selected = [recipes.named(name).name for name in dict.fromkeys(names)]
    return [
        FoldUnit(name, repeat, fold, method)
        for repeat in range(recipes.PROTOCOLS[protocol])
        for name in selected
        for fold in range(OUTER_FOLDS)
    ]


def fold_rows(frame: pd.DataFrame, unit: FoldUnit) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the rows to fit on, and of the rows to score, which ascend.

    By hash, the rows to fit on are in the order of their digests.
    """
    import numpy as np

    fold_of = folds(frame, unit.repeat, unit.method)
    fit_on = np.flatnonzero(fold_of != unit.fold)
    if unit.method == "hash":
        fit_on = fit_on[membership.order(membership.digests(frame.iloc[fit_on]))]
    return fit_on, np.flatnonzero(fold_of == unit.fold)


def folds(frame: pd.DataFrame, repeat: int, method: membership.Method = "shuffled") -> np.ndarray:
    """Return for each row of a clean frame the fold in which it is scored in a repeat.

    Raises:
        WdbcError: a fold by hash has no patient of a class.
    """
    import numpy as np

    y = frame[contract.DIAGNOSIS].to_numpy()
    if method == "hash":
        fold_of = membership.fold_of(membership.digests(frame), folds=OUTER_FOLDS, seed=repeat)
        membership.require_both_classes(fold_of, y, folds=OUTER_FOLDS)
        return fold_of
    from sklearn.model_selection import StratifiedKFold

    fold_of = np.empty(len(y), dtype=np.int64)
    splitter = StratifiedKFold(OUTER_FOLDS, shuffle=True, random_state=repeat)
    for fold, (_, scored) in enumerate(splitter.split(np.zeros(len(y)), y)):
        fold_of[scored] = fold
    return fold_of


def evaluate_fold(frame: pd.DataFrame, unit: FoldUnit) -> FoldOutcome:
    """Run one unit on the clean frame. Linear algebra runs on one thread, so that the result is reproducible.

    Raises:
        WdbcError: no model can be fitted; the error names recipe, repeat and fold.
    """
    from threadpoolctl import threadpool_limits

    X, y = measurements(frame)
    fit_on, scored = fold_rows(frame, unit)
    recipe = recipes.named(unit.recipe)
    X_fit, y_fit = X.iloc[fit_on], y.iloc[fit_on]
    try:
        with threadpool_limits(limits=1):
            unfitted = recipe.build(recipes.SEARCH_SEED)
            winner = _winner(recipe, unfitted, X_fit, y_fit, unit.method)
            pipeline = search.refit(unfitted, winner, X_fit, y_fit)[0]
            probabilities = prediction.predict(pipeline, X.iloc[scored])
    except Exception as cause:  # a recipe is arbitrary code, and the other folds must still run
        raise unit_errors.failure(str(unit), cause) from cause
    return FoldOutcome(winner, tuple(probabilities.tolist()))


def _winner(
    recipe: recipes.Recipe, unfitted: Any, X: pd.DataFrame, y: pd.Series, method: membership.Method
) -> dict[str, recipes.Parameter]:
    candidates = recipe.candidates("full")
    if not fitting.must_search(recipe, candidates):
        return dict(candidates[0])
    return fitting.select(recipe, unfitted, candidates, X, y, method=method).winner


def measurements(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series[int]]:
    """Return the 30 measurements and the diagnoses of a clean frame.

    Raises:
        WdbcError: a measurement is not finite, or a class has too few patients for the outer and inner folds.
    """
    X, y = frame[list(contract.FEATURES)], frame[contract.DIAGNOSIS]
    preconditions.require_finite(X)
    preconditions.require_diagnoses(y, rows=len(X), of_each=2 * OUTER_FOLDS)
    return X, y


def assemble(frame: pd.DataFrame, outcomes: Mapping[FoldUnit, FoldOutcome]) -> tuple[pd.DataFrame, tuple[Winner, ...]]:
    """Combine the outcomes into the table of predictions and the winners, in a fixed order.

    The table has one row per recipe, repeat and patient, with the columns `recipe`, `repeat`, `patient` (its position
    in the clean frame), `fold`, `diagnosis` (1 = malignant) and `probability` (of malignant).
    """
    import numpy as np
    import pandas as pd

    y = frame[contract.DIAGNOSIS].to_numpy()
    fold_of = {
        (repeat, method): folds(frame, repeat, method)
        for repeat, method in {(unit.repeat, unit.method) for unit in outcomes}
    }
    tables = []
    for unit in sorted(outcomes):
        scored = np.flatnonzero(fold_of[unit.repeat, unit.method] == unit.fold)
        tables.append(
            pd.DataFrame(
                {
                    "recipe": unit.recipe,
                    "repeat": np.int64(unit.repeat),
                    "patient": scored.astype(np.int64),
                    "fold": np.int64(unit.fold),
                    "diagnosis": y[scored].astype(np.int64),
                    "probability": outcomes[unit].probabilities,
                }
            )
        )
    table = pd.concat(tables, ignore_index=True).sort_values(["recipe", "repeat", "patient"], ignore_index=True)
    winners = (Winner(unit.recipe, unit.repeat, unit.fold, outcomes[unit].winner) for unit in sorted(outcomes))
    return table, tuple(winners)
