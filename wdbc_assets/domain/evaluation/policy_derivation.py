"""Derivation of a decision policy: the threshold for a recall target, and the quantiles of its prediction sets.

Both are derived from out-of-fold probabilities of the training set; the test set is only used to evaluate them.

The threshold reaches the recall target on average over samples, as the sets reach their coverage; `RecallPromise` says
what recall can be relied on.

Class-conditional sets follow V. Vovk (2012), "Conditional validity of inductive conformal predictors", PMLR 25:475-490:
they cover a share of at least 1 - alpha of each class, on average over samples. Here they are built from probabilities
of models fitted on nine tenths of the rows, but used with a model fitted on all rows. A test over 20 splits checks that
the coverage is close to this.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain import defaults
from wdbc_assets.domain.data import contract, preconditions
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import policy_rates, ranking
from wdbc_assets.domain.evaluation.cross_validation import OUTER_FOLDS
from wdbc_assets.domain.evaluation.decision_policy import DecisionPolicy, Quantiles, RecallPromise, Training
from wdbc_assets.domain.modeling import prediction, recipes, search

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

    from wdbc_assets.domain.data import splitting
    from wdbc_assets.domain.modeling import fitting


WINNER_REPEATS = recipes.PROTOCOLS["quick"]


def _nothing() -> None:
    """Report no progress."""


def derive(
    split: splitting.Split,
    fit: fitting.Fit,
    *,
    recall_target: float = defaults.RECALL_TARGET,
    alpha: float = defaults.ALPHA,
    folds: int = defaults.POLICY_FOLDS,
    seed: int = defaults.SEED,
    progress: Callable[[int, int], None] | None = None,
) -> DecisionPolicy:
    """Return the decision policy of a fitted pipeline, with its evaluation.

    Raises:
        WdbcError: a setting is out of range, a class is too small for the folds, or a fold cannot be fitted.
    """
    from threadpoolctl import threadpool_limits

    preconditions.require_setting(
        "recall_target", recall_target, fits=0 < recall_target <= 1, allowed="more than 0, up to 1"
    )
    preconditions.require_setting(
        "alpha", alpha, fits=0 < alpha < 1, allowed=f"a number between 0 and 1; {defaults.ALPHA} is usual"
    )
    y = np.asarray(split.y_train, dtype=np.int64)
    total = folds + OUTER_FOLDS * WINNER_REPEATS
    scored = itertools.count(1)

    def report() -> None:
        if progress is not None:
            progress(next(scored), total)

    p = out_of_fold(split.X_train, split.y_train, fit, folds=folds, seed=seed, on_fold=report)
    with threadpool_limits(limits=1):
        p_test = prediction.predict(fit.pipeline, split.X_test)
    scores = Scores(y, p, np.asarray(split.y_test, dtype=np.int64), p_test)
    return of_scores(
        scores,
        fit,
        recall_target=recall_target,
        alpha=alpha,
        folds=folds,
        seed=seed,
        log_loss=winner_log_loss(split, fit, on_fold=report),
    )


@dataclass(frozen=True)
class Scores:
    """Diagnoses and P(malignant): out-of-fold of the training set, and of the test set by the fit, shape (n,) each."""

    y: NDArray[np.int64]
    p: NDArray[np.float64]
    y_test: NDArray[np.int64]
    p_test: NDArray[np.float64]


def of_scores(
    scores: Scores,
    fit: fitting.Fit,
    *,
    recall_target: float,
    alpha: float,
    folds: int,
    seed: int,
    log_loss: float,
) -> DecisionPolicy:
    """Return the policy of these scores; `log_loss` is that of `winner_log_loss`. See `derive` for the others."""
    y, p = scores.y, scores.p
    threshold, rank = recall_threshold(p[y == contract.MALIGNANT], recall_target)
    quantiles = Quantiles(
        benign=conformal_quantile(p[y == contract.BENIGN], alpha),
        malignant=conformal_quantile(1 - p[y == contract.MALIGNANT], alpha),
    )
    return DecisionPolicy(
        recipe=fit.recipe,
        winner=dict(fit.winner),
        recall_target=recall_target,
        alpha=alpha,
        folds=folds,
        seed=seed,
        training=Training(len(y), int((y == contract.BENIGN).sum()), int((y == contract.MALIGNANT).sum())),
        threshold=threshold,
        rank=rank,
        promise=recall_promise(p[y == contract.BENIGN], p[y == contract.MALIGNANT], rank=rank, target=recall_target),
        quantiles=quantiles,
        out_of_fold=policy_rates.out_of_fold(y, p, threshold, quantiles),
        test=policy_rates.on_test_set(scores.y_test, scores.p_test, threshold, quantiles),
        winner_log_loss=log_loss,
    )


def winner_log_loss(split: splitting.Split, fit: fitting.Fit, *, on_fold: Callable[[], None] = _nothing) -> float:
    """Return the out-of-fold log-loss (natural) of all patients with the winner's parameters held fixed.

    It is the mean over `WINNER_REPEATS` repeats of the outer folds of `cross_validation`, which selects the parameters
    again in each fold and therefore may evaluate others than those that ship.

    Raises:
        WdbcError: a class is too small for the folds, or a fold cannot be fitted.
    """
    import pandas as pd

    X, y = pd.concat([split.X_train, split.X_test]), pd.concat([split.y_train, split.y_test])
    truth = np.asarray(y, dtype=np.int64)
    repeats = (
        out_of_fold(X, y, fit, folds=OUTER_FOLDS, seed=repeat, on_fold=on_fold) for repeat in range(WINNER_REPEATS)
    )
    return float(np.mean([ranking.losses(truth, p)["log_loss"].mean() for p in repeats]))


def out_of_fold(
    X: pd.DataFrame,
    y: pd.Series[int],
    fit: fitting.Fit,
    *,
    folds: int,
    seed: int,
    on_fold: Callable[[], None] = _nothing,
) -> NDArray[np.float64]:
    """Return P(malignant) of each row, shape (n_rows,), from a model fitted without that row's fold.

    The folds are `StratifiedKFold(folds, shuffle=True, random_state=seed)`, or those by hash if the fit drew its folds
    so (see `membership`). All models use the winner's parameters,
    which were selected on all rows, so these probabilities are slightly optimistic. The test set is not affected.
    Linear algebra runs on one thread, as in `fitting`.
    """
    from threadpoolctl import threadpool_limits

    preconditions.require_setting("folds", folds, fits=folds >= 2, allowed="2 or more; 10 is usual")
    preconditions.require_seed(seed)
    preconditions.require_diagnoses(y, rows=len(X), of_each=folds)
    unfitted = recipes.of_stored(fit.recipe).build(fit.seed)
    p = np.empty(len(y))
    drawn = search.drawn(X, np.asarray(y), folds=folds, repeats=1, shuffle_seed=seed, method=fit.split_method)
    for fold, (fit_on, scored) in enumerate(drawn, start=1):
        try:
            with threadpool_limits(limits=1):
                pipeline = search.refit(unfitted, fit.winner, X.iloc[fit_on], y.iloc[fit_on])[0]
                p[scored] = prediction.predict(pipeline, X.iloc[scored])
        except WdbcError as cause:
            cause.where = f"fold {fold} of {folds} of the decision policy, {fit.recipe}"
            raise
        on_fold()
    return p


def recall_threshold(malignant: NDArray[np.float64], target: float) -> tuple[float, int]:
    """Return the largest threshold at which the expected recall of new patients reaches the target, and its rank.

    The rank is that of `DecisionPolicy`. If there are too few patients for the target, it is their number, and the
    threshold is their smallest probability.
    """
    rank = min(_rank(len(malignant) + 1, target), len(malignant))
    return float(np.sort(malignant)[::-1][rank - 1]), rank


def recall_promise(
    benign: NDArray[np.float64],
    malignant: NDArray[np.float64],
    *,
    rank: int,
    target: float,
    confidence: float = defaults.CONFIDENCE,
) -> RecallPromise:
    """Return what a threshold at the rank promises, from the out-of-fold probabilities of both classes."""
    from scipy.special import betaincinv

    def low(number: int) -> float:
        return float(betaincinv(number, len(malignant) + 1 - number, 1 - confidence))

    expected = rank / (len(malignant) + 1)
    sure_rank = next((number for number in range(rank, len(malignant) + 1) if low(number) >= target), None)
    sure_specificity = None if sure_rank is None else float((benign < np.sort(malignant)[::-1][sure_rank - 1]).mean())
    too_few = f"{len(malignant)} malignant patients are too few to expect a recall of {target:g}"
    return RecallPromise(
        expected=expected,
        low=low(rank),
        confidence=confidence,
        sure_rank=sure_rank,
        sure_specificity=sure_specificity,
        reason=too_few if expected < target else None,
    )


def conformal_quantile(scores: NDArray[np.float64], alpha: float) -> float:
    """Return the ceil((n + 1)(1 - alpha))-th smallest score, or 1, which every patient passes, if there are too few.

    A score is 1 - P(true class). With alpha = .02 a class needs 49 patients for a quantile below 1.
    """
    rank = _rank(len(scores) + 1, 1 - Fraction(str(alpha)))
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else 1.0


def _rank(total: int, share: float | Fraction) -> int:
    """Return share * total, rounded up in exact decimal arithmetic: as floats, 0.55 * 100 exceeds 55."""
    return math.ceil(total * Fraction(str(share)))
