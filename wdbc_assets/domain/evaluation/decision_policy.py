"""The decision policy: a threshold for a recall target, and triage by conformal prediction sets.

They are two independent uses of one probability. The threshold always names a class. The prediction set contains each
class to which the patient's probability conforms; if it contains both classes or neither, the patient is referred.
Neither is a guarantee for a single patient or batch.

This module has the types of a policy and applies it, which needs only numpy. `policy_derivation` derives a policy,
`policy_rates` evaluates it, and `recalibration` adapts its probabilities to another prevalence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.evaluation import intervals
from wdbc_assets.domain.modeling import prediction, recipes

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

BENIGN, MALIGNANT, REFER = OUTCOMES = contract.OUTCOMES

Applied = Literal["prediction set", "refer everyone"]
BY_PREDICTION_SET: Applied = "prediction set"
REFER_EVERYONE: Applied = "refer everyone"
"""How a triage outcome came about: by the prediction set, or because every patient is referred to a person."""


@dataclass(frozen=True)
class Training:
    """The number of patients that a policy was derived from."""

    rows: int
    benign: int
    malignant: int

    @property
    def prevalence(self) -> float:
        """The share of malignant patients."""
        return self.malignant / self.rows


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
    prediction V. Vovk (2012), PMLR 25:475-490, on training-conditional validity.
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
class Recalibration:
    """What adapts the probabilities of a model to patients of whom another share is malignant: see `recalibration`.

    `trained` is the share of malignant in the training set, `prevalence` the other one, and `offset` what is added to
    the log-odds.
    """

    trained: float
    prevalence: float
    offset: float


@dataclass(frozen=True, kw_only=True)
class DecisionPolicy:
    """A decision policy and its evaluation.

    `threshold` is the `rank`-th largest out-of-fold probability of the malignant patients, where `rank` is
    ceil(recall_target * (their number + 1)), at most their number. `out_of_fold` and `test` evaluate the policy on
    these data. The out-of-fold values that depend on the recall have no interval, because the threshold was chosen by
    it. `winner_log_loss` is the out-of-fold log-loss of all patients with the winner's parameters held fixed; policies
    of earlier releases have none.

    Threshold and quantiles are bounds for the probability of the model as it was fitted, also with a `recalibration`,
    which changes the probabilities that are reported and no decision. It is None for the prevalence of the training
    set.
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
    winner_log_loss: float | None = field(default=None, metadata={"omitted": True})
    recalibration: Recalibration | None = field(default=None, metadata={"omitted": True})

    @property
    def prevalence(self) -> float:
        """The share of malignant patients that the reported probabilities are for."""
        return self.recalibration.prevalence if self.recalibration else self.training.prevalence

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


def _probabilities(probabilities: ArrayLike) -> NDArray[np.float64]:
    p = np.asarray(probabilities, dtype=np.float64)
    prediction.require_probabilities(p)
    return p
