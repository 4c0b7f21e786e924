"""The decision policy: the threshold for a recall target, and triage by conformal prediction sets.

Both are derived from out-of-fold probabilities of the training set; the test set is only used to evaluate them. They
are two independent uses of one probability. The threshold always names a class. The prediction set contains each class
to which the patient's probability conforms; if it contains both classes or neither, the patient is referred. Neither is
a guarantee for a single patient or batch.

The threshold reaches the recall target on average over samples, as the sets reach their coverage; `RecallPromise` says
what recall can be relied on.

Class-conditional sets follow V. Vovk (2012), "Conditional validity of inductive conformal predictors", PMLR 25:475-490:
they cover a share of at least 1 - alpha of each class, on average over samples. Here they are built from probabilities
of models fitted on nine tenths of the rows, but used with a model fitted on all rows. A test over 20 splits checks that
the coverage is close to this. Applying a stored policy needs only numpy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.data import contract, preconditions
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import intervals
from wdbc_assets.domain.modeling import prediction, recipes, search

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from wdbc_assets.domain.data import splitting
    from wdbc_assets.domain.modeling import fitting

CHOSEN_BY_RECALL = "the threshold was chosen by the recall of these patients"
BENIGN, MALIGNANT, REFER = OUTCOMES = contract.OUTCOMES
# Bins for the histogram of out-of-fold probabilities: half a unit of log-odds wide; the outer ones extend to 0 and 1.
_EDGES = (0.0, *(round(1 / (1 + math.exp(-halves / 2)), 6) for halves in range(-14, 15)), 1.0)


@dataclass(frozen=True)
class Training:
    """The number of patients that a policy was derived from."""

    rows: int
    benign: int
    malignant: int


@dataclass(frozen=True)
class Quantiles:
    """For each class the largest 1 - P(class) at which the class is still in the prediction set."""

    benign: float
    malignant: float


@dataclass(frozen=True)
class Histogram:
    """Counts of out-of-fold probabilities in fixed bins, which do not reveal a patient's probability."""

    edges: tuple[float, ...]
    benign: tuple[int, ...]
    malignant: tuple[int, ...]


@dataclass(frozen=True)
class Coverage:
    """The share of each class whose prediction set contains the true class."""

    benign: intervals.Interval
    malignant: intervals.Interval


@dataclass(frozen=True, kw_only=True)
class RecallPromise:
    """The recall to expect of new malignant patients, and the recall that can be relied on.

    If the n malignant patients of the training set and a new one are exchangeable, the recall at the k-th largest of
    their probabilities has the distribution Beta(k, n + 1 - k) over samples. `expected` is its mean k / (n + 1); `low`
    is exceeded with `confidence`. `reason` says why the target cannot be expected, if there are too few patients for
    it.

    To rely on the target itself with this confidence takes the rank `sure_rank`, at which the out-of-fold specificity
    is `sure_specificity`; both are None if even the smallest probability is not enough.

    Source: S. S. Wilks (1941), Ann. Math. Stat. 12:91-96, on order statistics as tolerance limits; for conformal
    prediction V. Vovk (2012), as above, on training-conditional validity.
    """

    expected: float
    low: float
    confidence: float
    sure_rank: int | None
    sure_specificity: float | None
    reason: str | None = field(default=None, metadata={"omitted": True})


@dataclass(frozen=True, kw_only=True)
class Rates:
    """The patients at or above the threshold by diagnosis, what follows from these counts, and the triage.

    - `confusion_matrix`: ((tn, fp), (fn, tp)), where positive means at or above the threshold.
    - `recall`, `specificity`, `ppv`, `npv`: the predictive values hold for the share of malignant in these data only.
    - `positive_likelihood_ratio` = recall / (1 - specificity), `negative_likelihood_ratio` = (1 - recall) /
      specificity: the factor by which the odds of malignant change above and below the threshold.
    - `triage`: the number of patients by diagnosis and outcome. `referred`: the share with the outcome `refer`.

    A value is None if nobody is above or below the threshold, with the reason.
    """

    confusion_matrix: tuple[tuple[int, int], tuple[int, int]]
    recall: intervals.Interval
    specificity: intervals.Interval
    ppv: intervals.Interval
    npv: intervals.Interval
    positive_likelihood_ratio: intervals.Interval
    negative_likelihood_ratio: intervals.Interval
    referred: intervals.Interval
    triage: dict[str, dict[str, int]]

    @property
    def by_name(self) -> dict[str, intervals.Interval]:
        """Each rate with its interval."""
        return {name: value for name, value in vars(self).items() if isinstance(value, intervals.Interval)}


@dataclass(frozen=True, kw_only=True)
class OutOfFold(Rates):
    """The policy on the training set, by models that were not fitted on the patient."""

    histogram: Histogram


@dataclass(frozen=True, kw_only=True)
class OnTestSet(Rates):
    """The policy on the test set."""

    coverage: Coverage


@dataclass(frozen=True, kw_only=True)
class DecisionPolicy:
    """A decision policy and its evaluation.

    `threshold` is the `rank`-th largest out-of-fold probability of the malignant patients, where `rank` is
    ceil(recall_target * (their number + 1)), at most their number. `out_of_fold` and `test` evaluate the policy on
    these data. The out-of-fold values that depend on the recall have no interval, because the threshold was chosen by
    it.
    """

    recipe: str
    winner: dict[str, recipes.Parameter]
    recall_target: float
    alpha: float
    folds: int
    seed: int
    training: Training
    threshold: float
    rank: int
    promise: RecallPromise
    quantiles: Quantiles
    out_of_fold: OutOfFold
    test: OnTestSet

    @property
    def promised(self) -> str:
        """The promise of the recall, in words."""
        promise, target = self.promise, f"{self.recall_target:.1%}"
        sure = f"{promise.confidence:.0%} confidence"
        return (
            f"{promise.reason or ''}{': ' if promise.reason else ''}expect a recall of {promise.expected:.1%} for new"
            f" malignant patients, and at least {promise.low:.1%} with {sure}; "
            + (
                f"no threshold promises {target} with {sure}"
                if promise.sure_rank is None or promise.sure_specificity is None
                else f"to promise {target} with {sure}, rank {promise.sure_rank} of {self.training.malignant} would be"
                f" needed, with a specificity of {promise.sure_specificity:.1%}"
            )
        )


def policy(
    split: splitting.Split,
    fit: fitting.Fit,
    *,
    recall_target: float = 0.98,
    alpha: float = 0.02,
    folds: int = 10,
    seed: int = 42,
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
    preconditions.require_setting("alpha", alpha, fits=0 < alpha < 1, allowed="a number between 0 and 1; 0.02 is usual")
    y = np.asarray(split.y_train, dtype=np.int64)
    p = out_of_fold(split.X_train, split.y_train, fit, folds=folds, seed=seed, progress=progress)
    threshold, rank = recall_threshold(p[y == contract.MALIGNANT], recall_target)
    quantiles = Quantiles(
        benign=conformal_quantile(p[y == contract.BENIGN], alpha),
        malignant=conformal_quantile(1 - p[y == contract.MALIGNANT], alpha),
    )
    with threadpool_limits(limits=1):
        p_test = prediction.predict(fit.pipeline, split.X_test)
    y_test = np.asarray(split.y_test, dtype=np.int64)
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
        out_of_fold=_out_of_fold(y, p, threshold, quantiles),
        test=OnTestSet(
            **vars(rates(y_test, p_test, threshold, quantiles)), coverage=_coverage(y_test, p_test, quantiles)
        ),
    )


def triage(probabilities: ArrayLike, quantiles: Quantiles) -> NDArray[np.str_]:
    """Return the triage outcome for each P(malignant): the only class in the prediction set, otherwise `refer`.

    Raises:
        WdbcError: a value is not a probability.
    """
    return np.array(OUTCOMES)[codes(probabilities, quantiles)]


def codes(probabilities: ArrayLike, quantiles: Quantiles) -> NDArray[np.int8]:
    """Return the triage outcome for each P(malignant) as a position in OUTCOMES; faster than `triage`."""
    benign, malignant = possible(probabilities, quantiles).values()
    return np.where(benign == malignant, np.int8(OUTCOMES.index(REFER)), malignant.astype(np.int8))


def possible(probabilities: ArrayLike, quantiles: Quantiles) -> dict[str, NDArray[np.bool_]]:
    """Return for each class a mask of the patients whose prediction set contains it, by their P(malignant)."""
    p = _probabilities(probabilities)
    # 1 - P(benign) is p. Comparing p itself matches the value that the quantile was taken from bit for bit.
    return {BENIGN: p <= quantiles.benign, MALIGNANT: 1 - p <= quantiles.malignant}


def is_above(probabilities: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """Return a mask of the patients whose P(malignant) is at or above the threshold."""
    return _probabilities(probabilities) >= threshold


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
    unfitted = recipes.of_stored(fit.recipe).build(fit.seed)
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
    confidence: float = 0.95,
) -> RecallPromise:
    """Return what a threshold at the rank promises, from the out-of-fold probabilities of both classes."""
    from scipy.special import betaincinv

    def low(of_rank: int) -> float:
        return float(betaincinv(of_rank, len(malignant) + 1 - of_rank, 1 - confidence))

    expected = rank / (len(malignant) + 1)
    sure = next((one for one in range(rank, len(malignant) + 1) if low(one) >= target), None)
    at_sure = None if sure is None else float((benign < np.sort(malignant)[::-1][sure - 1]).mean())
    too_few = f"{len(malignant)} malignant patients are too few to expect a recall of {target:g}"
    return RecallPromise(
        expected=expected,
        low=low(rank),
        confidence=confidence,
        sure_rank=sure,
        sure_specificity=at_sure,
        reason=too_few if expected < target else None,
    )


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


def rates(y: NDArray[np.int64], p: NDArray[np.float64], threshold: float, quantiles: Quantiles) -> Rates:
    """Return what the threshold and the prediction sets make of patients of both classes.

    Args:
        y: The diagnoses, 1 for malignant, shape (n,); both classes occur.
        p: P(malignant), shape (n,).
        threshold: Patients at or above it are positive.
        quantiles: Of the prediction sets.
    """
    above, malignant, outcomes = is_above(p, threshold), y == contract.MALIGNANT, triage(p, quantiles)
    tp, fp = int((above & malignant).sum()), int((above & ~malignant).sum())
    fn, tn = int(malignant.sum()) - tp, int((~malignant).sum()) - fp
    return Rates(
        confusion_matrix=((tn, fp), (fn, tp)),
        recall=intervals.proportion(tp, tp + fn),
        specificity=intervals.proportion(tn, tn + fp),
        ppv=intervals.proportion(tp, tp + fp, undefined="no patient is at or above the threshold"),
        npv=intervals.proportion(tn, tn + fn, undefined="no patient is below the threshold"),
        positive_likelihood_ratio=intervals.ratio(
            tp, tp + fn, fp, tn + fp, infinite="no benign patient is at or above the threshold"
        ),
        negative_likelihood_ratio=intervals.ratio(
            fn, tp + fn, tn, tn + fp, infinite="no benign patient is below the threshold"
        ),
        referred=intervals.proportion(int((outcomes == REFER).sum()), len(y)),
        triage={
            name: {outcome: int((outcomes[y == code] == outcome).sum()) for outcome in OUTCOMES}
            for name, code in ((BENIGN, contract.BENIGN), (MALIGNANT, contract.MALIGNANT))
        },
    )


def _out_of_fold(y: NDArray[np.int64], p: NDArray[np.float64], threshold: float, quantiles: Quantiles) -> OutOfFold:
    found = rates(y, p, threshold, quantiles)
    by_recall = ("recall", "ppv", "npv", "positive_likelihood_ratio", "negative_likelihood_ratio")
    withheld = {
        name: intervals.without(value.value, value.reason or CHOSEN_BY_RECALL)
        for name, value in found.by_name.items()
        if name in by_recall
    }
    return OutOfFold(**{**vars(found), **withheld}, histogram=_histogram(y, p))


def _coverage(y: NDArray[np.int64], p: NDArray[np.float64], quantiles: Quantiles) -> Coverage:
    holds = possible(p, quantiles)
    benign, malignant = (
        intervals.proportion(int(holds[name][y == code].sum()), int((y == code).sum()))
        for name, code in ((BENIGN, contract.BENIGN), (MALIGNANT, contract.MALIGNANT))
    )
    return Coverage(benign, malignant)


def _histogram(y: NDArray[np.int64], p: NDArray[np.float64]) -> Histogram:
    benign, malignant = (
        tuple(np.histogram(p[y == code], _EDGES)[0].tolist()) for code in (contract.BENIGN, contract.MALIGNANT)
    )
    return Histogram(_EDGES, benign, malignant)
