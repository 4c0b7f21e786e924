"""Refits of a recipe on other patients, with the hyperparameters selected again in each.

A development is the whole procedure: the search on one draw of inner folds, and the fit of its winner. A unit of work
is one or more developments of a kind:

- `original`: on all patients.
- `bootstrap`: on a sample of as many patients, drawn with replacement.
- `learning`: on parts of the training rows of a stratified 80/20 split. Each part contains the smaller ones, and all
  are scored on the same test rows.

One draw of inner folds suffices: the search that ships averages over several, because it selects once; here its
variation is part of what is measured, and the original is developed in the same way.

A patient who is drawn several times may be on both sides of an inner fold of a bootstrap sample, as in the published
procedures, which treat a sample like any other data. The search then selects too weak penalties, so that instability
and optimism are overstated. Folds that keep the copies together would select too strong ones and understate them.
(For `logistic` on the published data, the corrected log-loss is .082 in this way and .069 in the other; nested
cross-validation gives .075.)

If folds are drawn by hash, patients are taken in the order of their digests (see `membership`), so that samples and
splits do not depend on the order of the table. They are drawn as above otherwise, inner folds included.

A unit depends only on the task and its own numbers, so units can run in any order and process. `stability` summarizes
them. This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from wdbc_assets.domain.data import contract, membership, preconditions
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import curves, delong, ranking, unit_errors
from wdbc_assets.domain.modeling import fitting, linear, prediction, recipes, search

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

Kind = Literal["original", "bootstrap", "learning"]

PARTS = (0.25, 0.5, 0.75, 1.0)
"""The parts of the training rows in a learning curve; of 455 patients they are 114, 228, 341 and all."""

TEST_FOLDS = 5
"""The test rows of a learning curve are one of so many folds."""

OF_EACH = 20
"""The patients of each class that the units need."""

_DECIMALS = 9  # of a probability: far more than is shown of anything that depends on it
_DRAWS = 100
_CENTRAL = (0.1, 0.9)


@dataclass(frozen=True, order=True)
class RefitUnit:
    """One unit: its kind, and its number among those of its kind, from 0."""

    kind: Kind
    number: int

    def __str__(self) -> str:
        return f"{self.kind} {self.number + 1}"


@dataclass(frozen=True, kw_only=True)
class RefitTask:
    """What is developed again: a recipe with its search, on a clean frame. `seed` is that of samples and splits."""

    frame: pd.DataFrame
    recipe: str
    grid: str
    folds: int
    search_seed: int
    seed: int
    method: membership.Method = "shuffled"


@dataclass(frozen=True)
class Performance:
    """The performance of a model on some rows. `slope` is that of the calibration, None if it is not determined."""

    log_loss: float
    roc_auc: float
    slope: float | None


@dataclass(frozen=True, kw_only=True)
class Development:
    """What a development gave.

    Attributes:
        winner: The parameters that its search selected.
        own: The performance on the rows that it was fitted on.
        everyone: The performance on all patients.
        signs: For a linear recipe, 1, -1 or 0 for each measurement: whether the log-odds rise, fall or stay the same
            if it goes from its 10 % to its 90 % quantile among all patients. For a model that is straight in each
            measurement this is the sign of its coefficient.
        redrawn: Samples that were drawn before, without enough patients of a class.
    """

    winner: dict[str, recipes.Parameter]
    own: Performance
    everyone: Performance
    signs: tuple[int, ...] | None
    redrawn: int


@dataclass(frozen=True, kw_only=True)
class Refit:
    """The original or a bootstrap refit, with P(malignant) of each patient in the order of the frame."""

    development: Development
    probabilities: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Learning:
    """A split: for each of `PARTS` the number of rows fitted on, and the log-loss on the test rows.

    The log-loss is None for a part that has too few patients of a class.
    """

    rows: tuple[int, ...]
    log_loss: tuple[float | None, ...]


Outcome = Refit | Learning


def units(*, bootstraps: int, splits: int) -> list[RefitUnit]:
    """Return the units: the original, the bootstrap samples, and the splits of the learning curve.

    Raises:
        WdbcError: a number is out of range.
    """
    preconditions.require_setting("bootstraps", bootstraps, fits=bootstraps >= 2, allowed="2 or more; 200 is usual")
    preconditions.require_setting("splits", splits, fits=splits >= 2, allowed="2 or more")
    return [
        RefitUnit("original", 0),
        *(RefitUnit("bootstrap", number) for number in range(bootstraps)),
        *(RefitUnit("learning", number) for number in range(splits)),
    ]


def require_developable(frame: pd.DataFrame) -> None:
    """Raise WdbcError unless the measurements are finite and both classes are large enough."""
    X, y = _measurements(frame)
    preconditions.require_finite(X)
    preconditions.require_diagnoses(y, rows=len(X), of_each=OF_EACH)


def run(task: RefitTask, unit: RefitUnit) -> Outcome:
    """Run one unit. Linear algebra runs on one thread, so that the result is reproducible.

    Raises:
        WdbcError: a model cannot be fitted, or no bootstrap sample has enough patients of each class; the error names
            recipe and unit.
    """
    from threadpoolctl import threadpool_limits

    order = np.arange(len(task.frame))
    if task.method == "hash":
        order = membership.order(membership.digests(task.frame))
    ordered = replace(task, frame=task.frame.iloc[order].reset_index(drop=True))
    try:
        with threadpool_limits(limits=1):
            return _learning(ordered, unit) if unit.kind == "learning" else _refit(ordered, unit, order)
    except Exception as cause:  # a recipe is arbitrary code, and the other units must still run
        raise unit_errors.failure(f"{task.recipe}, {unit}", cause) from cause


def _refit(task: RefitTask, unit: RefitUnit, order: NDArray[np.intp]) -> Refit:
    X, y = _measurements(task.frame)
    diagnoses = np.asarray(y, dtype=np.int64)
    rows, redrawn = np.arange(len(y)), 0
    if unit.kind == "bootstrap":
        rows, redrawn = _sample(diagnoses, task, unit.number)
    pipeline, winner = _develop(task, X.iloc[rows], y.iloc[rows])
    probabilities = prediction.predict(pipeline, X)
    development = Development(
        winner=winner,
        own=performance(diagnoses[rows], probabilities[rows]),
        everyone=performance(diagnoses, probabilities),
        signs=_signs(pipeline, X),
        redrawn=redrawn,
    )
    return Refit(
        development=development,
        probabilities=tuple(probabilities[np.argsort(order)].round(_DECIMALS).tolist()),
    )


def _sample(y: NDArray[np.int64], task: RefitTask, number: int) -> tuple[NDArray[np.int64], int]:
    """Return the rows of a bootstrap sample, and how many were drawn before it with too few patients of a class."""
    generator = np.random.default_rng([task.seed, number])
    for redrawn in range(_DRAWS):
        rows = generator.integers(0, len(y), len(y))
        if np.bincount(y[rows], minlength=2).min() >= task.folds:
            return rows, redrawn
    raise WdbcError(
        f"Of {_DRAWS} bootstrap samples, none has {task.folds} patients of each class.",
        where="diagnoses",
        hint="Use more data, or fewer folds.",
    )


def _learning(task: RefitTask, unit: RefitUnit) -> Learning:
    X, y = _measurements(task.frame)
    diagnoses = np.asarray(y, dtype=np.int64)
    rows: list[int] = []
    losses: list[float | None] = []
    fit_on, test = _split(diagnoses, task.seed + unit.number)
    for part in parts(diagnoses, fit_on, seed=task.seed + unit.number):
        rows.append(len(part))
        if np.bincount(diagnoses[part], minlength=2).min() < task.folds:
            losses.append(None)
            continue
        pipeline, _ = _develop(task, X.iloc[part], y.iloc[part])
        losses.append(performance(diagnoses[test], prediction.predict(pipeline, X.iloc[test])).log_loss)
    return Learning(rows=tuple(rows), log_loss=tuple(losses))


def _split(y: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    from sklearn.model_selection import StratifiedShuffleSplit

    splitter = StratifiedShuffleSplit(1, test_size=1 / TEST_FOLDS, random_state=seed % search.SEEDS)
    fit_on, test = next(splitter.split(y, y))
    return fit_on, test


def parts(y: NDArray[np.int64], rows: NDArray[np.int64], *, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield the `PARTS` of some rows in ascending order, each with the share of malignant of all, and nested.

    Args:
        y: The diagnoses of all patients.
        rows: Positions of patients.
        seed: Random seed of the order in which patients join.
    """
    shuffled = np.random.default_rng(seed).permutation(rows)
    by_class = [shuffled[y[shuffled] == code] for code in (contract.BENIGN, contract.MALIGNANT)]
    for part in PARTS:
        total = round(part * len(rows))
        malignant = round(part * len(by_class[1]))
        taken = (by_class[0][: total - malignant], by_class[1][:malignant])
        yield np.sort(np.concatenate(taken))


def _develop(task: RefitTask, X: pd.DataFrame, y: pd.Series[int]) -> tuple[Pipeline, dict[str, recipes.Parameter]]:
    """Select the hyperparameters of the recipe on one draw of inner folds, and fit the winner."""
    recipe = recipes.named(task.recipe)
    unfitted, candidates = recipe.build(task.search_seed), recipe.candidates(task.grid)
    winner = dict(candidates[0])
    if fitting.must_search(recipe, candidates):
        winner = fitting.select(
            recipe, unfitted, candidates, X, y, folds=task.folds, repeats=1, seed=task.search_seed
        ).winner
    return search.refit(unfitted, winner, X, y)[0], winner


def performance(y: NDArray[np.int64], p: NDArray[np.float64]) -> Performance:
    """Return the performance of probabilities; both classes must occur."""
    try:
        slope = curves.slope(y.astype(np.float64), p)
    except curves.CannotBeSaid:
        slope = None
    malignant = y == contract.MALIGNANT
    return Performance(
        log_loss=float(ranking.losses(y, p)["log_loss"].mean()),
        roc_auc=float(delong.placements(p[~malignant], p[malignant])[0].mean()),
        slope=slope,
    )


def _signs(pipeline: Pipeline, X: pd.DataFrame) -> tuple[int, ...] | None:
    model = linear.linear(pipeline)
    if model is None:
        return None
    low, high = model.contributions(X.quantile(list(_CENTRAL))).to_numpy()
    return tuple(np.sign(high - low).astype(int).tolist())


def _measurements(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series[int]]:
    return frame[list(contract.FEATURES)], frame[contract.DIAGNOSIS]
