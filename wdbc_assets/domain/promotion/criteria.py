"""The criteria of the gate: each is a requirement with the measured value, its interval and its bound.

`gate` combines them into a verdict. numpy is imported inside functions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wdbc_assets.domain.evaluation import floors
from wdbc_assets.domain.evaluation.results import Difference  # noqa: TC001 -- a stored verdict is read by its types

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from wdbc_assets.domain.evaluation.out_of_fold import RecipePredictions
    from wdbc_assets.domain.evaluation.results import Spread


NET_BENEFIT_MARGIN = 0.002
"""The largest loss of net benefit that the interval may contain: two malignant patients found less in a thousand."""

SIGNIFICANCE = 0.05
"""The probability of ever promoting an equal candidate over one champion, however many candidates are compared."""

SLOPES = (0.7, 1.6)
"""The calibration slopes of a model that can be used: far below 1, its probabilities are too extreme."""

GAINS = (0.008, 0.020, 0.028)
"""The gains in log-loss for which a verdict states the power of its comparison."""

EXPERIMENT_PATIENTS, EXPERIMENT_ANSWERED = 100, 0.999
"""The number of patients from which an experiment counts, and the share of them that must have been scored. Agreement
is shown but not used, because the diagnoses are not known yet."""


LOG_LOSS, COMPARED = "log_loss", ("log_loss", "net_benefit")


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One requirement: its text, the measured value (with its interval, if any), and whether it is met."""

    name: str
    demand: str
    holds: bool
    value: float | None = None
    low: float | None = None
    high: float | None = None
    bound: float | None = None
    found: str = ""

    def __str__(self) -> str:
        if self.holds:
            return f"{self.name} holds: {self.demand}"
        interval = "" if self.low is None or self.high is None else f" [{self.low:.4f}, {self.high:.4f}]"
        value = "undefined" if self.value is None else f"{self.value:.4f}"
        return f"{self.name} is {self.found or value + interval}, needed: {self.demand}"


def known(bound: float | None) -> float:
    """Return the end of an interval, or NaN if there is none, so that no comparison with it is true."""
    return math.nan if bound is None else bound


def alpha(attempt: int) -> float:
    """Return the significance level of the comparison of the `attempt`-th candidate with one champion.

    The levels of all attempts add up to `SIGNIFICANCE`: they are .05 * (6 / pi^2) / attempt^2, because the sum of
    1 / k^2 is pi^2 / 6. By Bonferroni's inequality, the probability that any equal candidate is promoted is then at
    most .05.
    """
    return SIGNIFICANCE * 6 / math.pi**2 / attempt**2


def level(attempt: int) -> str:
    """Return the level of the interval as text, with two digits of what it leaves out: never `100 %`."""
    left_out = 100 * alpha(attempt)
    return f"{100 - left_out:.{max(2, 1 - math.floor(math.log10(left_out)))}f} %"


@dataclass(frozen=True)
class Comparison:
    """The differences candidate - champion that the gate needs, on the same out-of-fold predictions.

    Attributes:
        log_loss: With the corrected interval at the level of the attempt.
        net_benefit: The mean over `utility.THRESHOLDS`, with a 95 % interval over patients.
        accuracy: With the corrected 95 % interval. It decides nothing.
        power: For each of `GAINS`, about how often such a gain in log-loss would be recognized.
    """

    log_loss: Difference
    net_benefit: Difference
    accuracy: Difference
    power: tuple[float, ...]


def compare(candidate: RecipePredictions, champion: RecipePredictions, *, folds: int, attempt: int) -> Comparison:
    """Compare the out-of-fold predictions of two recipes for the same patients in the same folds."""
    from statistics import NormalDist

    from wdbc_assets.domain.evaluation import comparison, results, utility

    losses, hits = (candidate.by_fold(quantity) - champion.by_fold(quantity) for quantity in (_losses, _hits))
    mean, low, high = comparison.corrected_interval(losses, folds=folds, confidence=1 - alpha(attempt))
    _, worst, best = comparison.corrected_interval(hits, folds=folds)
    error = comparison.corrected_error(losses, folds=folds)
    power = [NormalDist().cdf((gain - (high - mean)) / error) if error else 1.0 for gain in GAINS]
    return Comparison(
        log_loss=results.Difference(mean=mean, low=low, high=high),
        net_benefit=utility.difference(candidate.y, candidate.p, champion.p),
        accuracy=results.Difference(mean=float(hits.mean()), low=worst, high=best),
        power=tuple(power),
    )


def _losses(y: NDArray[np.int64], p: NDArray[np.float64]) -> NDArray[np.float64]:
    from wdbc_assets.domain.evaluation import ranking

    return ranking.losses(y, p)["log_loss"]


def _hits(y: NDArray[np.int64], p: NDArray[np.float64]) -> NDArray[np.float64]:
    from wdbc_assets.domain.evaluation import comparison

    hits: NDArray[np.float64] = ((p > comparison.THRESHOLD) == (y == 1)).astype("float64")
    return hits


def comparison_criteria(compared: Comparison, attempt: int) -> tuple[Criterion, ...]:
    """Return the criteria that compare a candidate with the champion."""
    log_loss, net_benefit = compared.log_loss, compared.net_benefit
    return (
        Criterion(
            name=LOG_LOSS,
            demand=f"upper bound of the {level(attempt)} interval below 0",
            holds=known(log_loss.high) < 0,
            bound=0.0,
            value=log_loss.mean,
            low=log_loss.low,
            high=log_loss.high,
        ),
        Criterion(
            name="net_benefit",
            demand=f"lower bound above {-NET_BENEFIT_MARGIN:g}",
            holds=known(net_benefit.low) > -NET_BENEFIT_MARGIN,
            bound=-NET_BENEFIT_MARGIN,
            value=net_benefit.mean,
            low=net_benefit.low,
            high=net_benefit.high,
        ),
    )


def floor_criteria(
    means: Mapping[str, float | None], limits: Mapping[str, floors.MetricLimits]
) -> tuple[Criterion, Criterion]:
    """Return the criteria that compare a candidate's mean metrics with the quality floors and the leakage alarms."""
    missed, alarms = floors.missed(means, limits), floors.alarms(means, limits)
    return (
        Criterion(
            name="floors",
            demand="no mean is worse than its quality floor",
            holds=not missed,
            found="; ".join(missed),
        ),
        Criterion(name="alarms", demand="no mean raises a leakage alarm", holds=not alarms, found="; ".join(alarms)),
    )


def calibration_criteria(slope: Spread) -> tuple[Criterion, ...]:
    """Return the criterion for the candidate's calibration slope; one that cannot be computed does not meet it."""
    low, high = SLOPES
    return (
        Criterion(
            name="calibration",
            demand=f"slope from {low:g} to {high:g}",
            holds=slope.mean is not None and low <= slope.mean <= high,
            value=slope.mean,
            found="" if slope.mean is not None else f"no slope: {slope.reason}",
        ),
    )


def winner_criteria(log_loss: float | None, limits: floors.MetricLimits) -> tuple[Criterion, ...]:
    """Return the criterion for the parameters that ship, or none if their log-loss is not known."""
    if log_loss is None:
        return ()
    alarm = -math.inf if limits.alarm is None else limits.alarm
    return (
        Criterion(
            name="winner",
            demand=f"log-loss of the selected parameters, held fixed, at most {limits.floor:.4g}"
            + ("" if limits.alarm is None else f" and at least {limits.alarm:.4g}"),
            holds=alarm <= log_loss <= limits.floor,
            value=log_loss,
            bound=limits.floor,
        ),
    )


def evidence_criteria(other_search: str, *, same_patients: bool, same_code: bool) -> tuple[Criterion, ...]:
    """Return the criteria that require the evidence to belong to this candidate.

    Args:
        other_search: What differs between the search of the candidate and the evaluated one; empty if nothing does.
        same_patients: Whether the candidate was fitted on the evaluated patients.
        same_code: Whether it was fitted and evaluated with the present code.
    """
    return (
        Criterion(name="search", demand="fitted with the evaluated search", holds=not other_search, found=other_search),
        Criterion(
            name="patients",
            demand="fitted on patients of the evaluated clean frame",
            holds=same_patients,
            found="" if same_patients else "a different clean frame; run `wdbc run`, then `wdbc evaluate`",
        ),
        Criterion(
            name="code",
            demand="fitted and evaluated with the current code",
            holds=same_code,
            found="" if same_code else "different code; run `wdbc run`, then `wdbc evaluate`",
        ),
    )


def is_long_enough(experiment: Mapping[str, int]) -> bool:
    """Return whether an experiment has enough patients to count; one with damaged records always counts."""
    return experiment["scored"] + experiment["failed"] >= EXPERIMENT_PATIENTS or experiment.get("unreadable", 0) > 0


def experiment_criteria(experiment: Mapping[str, int] | None) -> tuple[Criterion, ...]:
    """Return the criterion for the patients that the challenger was given, or none if there were too few."""
    if experiment is None or not is_long_enough(experiment):
        return ()
    given = experiment["scored"] + experiment["failed"]
    answered = experiment["scored"] / given if given else 0.0
    unreadable = experiment.get("unreadable", 0)
    damage = f"; {unreadable} records of the experiment cannot be read" if unreadable else ""
    return (
        Criterion(
            name="experiment",
            demand=f"at least {EXPERIMENT_ANSWERED:.1%} of the experiment's patients scored",
            holds=answered >= EXPERIMENT_ANSWERED and not unreadable,
            value=answered,
            bound=EXPERIMENT_ANSWERED,
            found=f"{experiment['failed']} of {given} patients not scored{damage}",
        ),
    )
