"""The decision policy: the threshold for a recall target, and triage by conformal prediction sets.

Both are derived from out-of-fold probabilities of the training set; the test set is only used to evaluate them. They
are two independent uses of one probability. The threshold always names a class. The prediction set contains each class
to which the patient's probability conforms; if it contains both classes or neither, the patient is referred. Neither is
a guarantee for a single patient or batch.

Class-conditional sets follow V. Vovk (2012), "Conditional validity of inductive conformal predictors", PMLR 25:475-490:
they cover a share of at least 1 - alpha of each class, on average over samples. Here they are built from probabilities
of models fitted on nine tenths of the rows, but used with a model fitted on all rows. A test over 20 splits checks that
the coverage is close to this. Applying a stored policy needs only numpy.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from wdbc_assets.domain.data import contract, preconditions
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import metrics
from wdbc_assets.domain.modeling import prediction, recipes, search

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from wdbc_assets.domain.data import splitting
    from wdbc_assets.domain.modeling import fitting

BENIGN, MALIGNANT, REFER = OUTCOMES = contract.OUTCOMES
# Bins for the histogram of out-of-fold probabilities: half a unit of log-odds wide; the outer ones extend to 0 and 1.
_EDGES = (0.0, *(round(1 / (1 + math.exp(-halves / 2)), 6) for halves in range(-14, 15)), 1.0)


def policy(
    split: splitting.Split,
    fit: fitting.Fit,
    *,
    recall_target: float = 0.98,
    alpha: float = 0.02,
    folds: int = 10,
    seed: int = 42,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Return the decision policy of a fitted pipeline and its evaluation, as plain numbers for JSON.

    `threshold` is the `rank`-th largest out-of-fold probability of the malignant patients, where `rank` is
    ceil(recall_target * their number). Patients at or above `threshold` are called malignant. `quantiles` has for each
    class the largest 1 - P(class) at which the class is still in the prediction set. `out_of_fold` and `test` evaluate
    the policy on these data, each share with its Wilson interval: recall and specificity at the threshold, the share
    referred, and for the test set the coverage, the share of each class whose prediction set contains the true class.

    Raises:
        WdbcError: a setting is out of range, a class is too small for the folds, or a fold cannot be fitted.
    """
    from threadpoolctl import threadpool_limits

    preconditions.require_setting(
        "recall_target", recall_target, fits=0 < recall_target <= 1, allowed="more than 0, up to 1"
    )
    preconditions.require_setting("alpha", alpha, fits=0 < alpha < 1, allowed="a number between 0 and 1; 0.02 is usual")
    y = np.asarray(split.y_train, dtype=np.int64)
    p = out_of_fold(split.X_train, split.y_train, fit, folds=folds, seed=seed, progress=progress)
    threshold, rank = recall_threshold(p[y == contract.MALIGNANT], recall_target)
    made: dict[str, Any] = {
        "recipe": fit.recipe,
        "winner": dict(fit.winner),
        "recall_target": recall_target,
        "alpha": alpha,
        "folds": folds,
        "seed": seed,
        "training": {
            "rows": len(y),
            BENIGN: int((y == contract.BENIGN).sum()),
            MALIGNANT: int((y == contract.MALIGNANT).sum()),
        },
        "threshold": threshold,
        "rank": rank,
        "quantiles": {
            BENIGN: conformal_quantile(p[y == contract.BENIGN], alpha),
            MALIGNANT: conformal_quantile(1 - p[y == contract.MALIGNANT], alpha),
        },
    }
    with threadpool_limits(limits=1):
        p_test = prediction.predict(fit.pipeline, split.X_test)
    y_test = np.asarray(split.y_test, dtype=np.int64)
    return {
        **made,
        "out_of_fold": {**_figures(y, p, made), "histogram": _histogram(y, p)},
        "test": {**_figures(y_test, p_test, made), "coverage": _coverage(y_test, p_test, made)},
    }


def decide(probabilities: ArrayLike, policy: Mapping[str, Any]) -> NDArray[np.str_]:
    """Return the triage outcome for each P(malignant): the only class in the prediction set, otherwise `refer`.

    Raises:
        WdbcError: a value is not a probability.
    """
    return np.array(OUTCOMES)[codes(probabilities, policy)]


def codes(probabilities: ArrayLike, policy: Mapping[str, Any]) -> NDArray[np.int8]:
    """Return the triage outcome for each P(malignant) as a position in OUTCOMES; faster than `decide`."""
    benign, malignant = possible(probabilities, policy).values()
    return np.where(benign == malignant, np.int8(OUTCOMES.index(REFER)), malignant.astype(np.int8))


def possible(probabilities: ArrayLike, policy: Mapping[str, Any]) -> dict[str, NDArray[np.bool_]]:
    """Return for each class a mask of the patients whose prediction set contains it, by their P(malignant)."""
    p = _probabilities(probabilities)
    # 1 - P(benign) is p. Comparing p itself matches the value that the quantile was taken from bit for bit.
    return {BENIGN: p <= policy["quantiles"][BENIGN], MALIGNANT: 1 - p <= policy["quantiles"][MALIGNANT]}


def called_malignant(probabilities: ArrayLike, policy: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Return a mask of the patients whose P(malignant) is at or above the threshold."""
    return _probabilities(probabilities) >= float(policy["threshold"])


def out_of_fold(
    X: pd.DataFrame,
    y: pd.Series[int],
    fit: fitting.Fit,
    *,
    folds: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float64]:
    """Return P(malignant) of each row, shape (n_rows,), from a model fitted without that row's fold.

    The folds are `StratifiedKFold(folds, shuffle=True, random_state=seed)`. All models use the winner's parameters,
    which were selected on all rows, so these probabilities are slightly optimistic. The test set is not affected.
    Linear algebra runs on one thread, as in `fitting`.
    """
    from sklearn.model_selection import StratifiedKFold
    from threadpoolctl import threadpool_limits

    preconditions.require_setting("folds", folds, fits=folds >= 2, allowed="2 or more; 10 is usual")
    preconditions.require_seed(seed)
    preconditions.require_diagnoses(y, rows=len(X), of_each=folds)
    unfitted = recipes.named(fit.recipe).build(fit.seed)
    p = np.empty(len(y))
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for fold, (fit_on, scored) in enumerate(splitter.split(X, y), start=1):
        try:
            with threadpool_limits(limits=1):
                pipeline = search.refit(unfitted, fit.winner, X.iloc[fit_on], y.iloc[fit_on])[0]
                p[scored] = prediction.predict(pipeline, X.iloc[scored])
        except WdbcError as cause:
            cause.where = f"fold {fold} of {folds} of the decision policy, {fit.recipe}"
            raise
        if progress is not None:
            progress(fold, folds)
    return p


def recall_threshold(malignant: NDArray[np.float64], target: float) -> tuple[float, int]:
    """Return the largest threshold at which the recall reaches the target, and its rank."""
    rank = _rank(len(malignant), target)
    return float(np.sort(malignant)[::-1][rank - 1]), rank


def conformal_quantile(scores: NDArray[np.float64], alpha: float) -> float:
    """Return the ceil((n + 1)(1 - alpha))-th smallest score, or 1, which every patient passes, if there are too few.

    A score is 1 - P(true class). With alpha = .02 a class needs 49 patients for a quantile below 1.
    """
    rank = _rank(len(scores) + 1, 1 - Fraction(str(alpha)))
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else 1.0


def _rank(of: int, share: float | Fraction) -> int:
    """Return share * of, rounded up in exact decimal arithmetic: as floats, 0.55 * 100 exceeds 55."""
    return math.ceil(of * Fraction(str(share)))


def _probabilities(probabilities: ArrayLike) -> NDArray[np.float64]:
    p = np.asarray(probabilities, dtype=np.float64)
    prediction.require_probabilities(p)
    return p


def _figures(y: NDArray[np.int64], p: NDArray[np.float64], made: Mapping[str, Any]) -> dict[str, Any]:
    called, malignant = called_malignant(p, made), y == contract.MALIGNANT
    return {
        "recall": metrics.proportion(int((called & malignant).sum()), int(malignant.sum())),
        "specificity": metrics.proportion(int((~called & ~malignant).sum()), int((~malignant).sum())),
        "referred": metrics.proportion(int((decide(p, made) == REFER).sum()), len(y)),
    }


def _coverage(y: NDArray[np.int64], p: NDArray[np.float64], made: Mapping[str, Any]) -> dict[str, Any]:
    holds = possible(p, made)
    of = {BENIGN: y == contract.BENIGN, MALIGNANT: y == contract.MALIGNANT}
    return {name: metrics.proportion(int(holds[name][rows].sum()), int(rows.sum())) for name, rows in of.items()}


def _histogram(y: NDArray[np.int64], p: NDArray[np.float64]) -> dict[str, list[Any]]:
    """Return counts by class in fixed bins, which do not reveal a patient's probability."""
    counts = {name: np.histogram(p[y == code], _EDGES)[0].tolist() for name, code in ((BENIGN, 0), (MALIGNANT, 1))}
    return {"edges": list(_EDGES), **counts}
