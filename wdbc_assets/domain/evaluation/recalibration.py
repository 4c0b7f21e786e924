"""Recalibration of a decision policy: the same model and the same decisions, with probabilities for another prevalence.

The log-odds of every patient change by one constant (see `prevalence`), so the order of the patients stays the same,
and with it what the policy decides about each of them. Recall, specificity and the coverage of each class do not depend
on the prevalence. The predictive values do; they follow from it and the likelihood ratios by Bayes' rule.

The policy therefore decides by the probability of the model as it was fitted, on both sides of a comparison, and the
probabilities that users see are recalibrated afterwards. Mapping the bounds and comparing the recalibrated
probabilities with them would be the same in exact arithmetic only: rounded, some patients would change sides.

All this assumes that the patients of each class are the same elsewhere. Applying a policy needs only numpy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import intervals, prevalence
from wdbc_assets.domain.evaluation.decision_policy import Quantiles, Recalibration
from wdbc_assets.domain.evaluation.intervals import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wdbc_assets.domain.evaluation.decision_policy import DecisionPolicy, Rates

    Array = NDArray[np.float64]

LEAST, MOST = 0.001, 0.999
"""The prevalences that are accepted. Beyond them the predictive values rest on rates below one in a thousand, and the
training set has a few hundred patients of each class; such a prevalence is more likely a slip."""

COMMON_LEAST, COMMON_MOST = 0.01, 0.9
"""The prevalences without a warning, chosen by judgement: where fewer or more of the patients are malignant, they were
hardly selected as those of the training set were, who all had a mass that somebody decided to aspirate."""


def recalibrate(policy: DecisionPolicy, wanted: float) -> DecisionPolicy:
    """Return the policy for another prevalence, which replaces any earlier recalibration.

    If the training set would have the same number of malignant patients at that prevalence, it is the policy without
    recalibration.

    Raises:
        WdbcError: the prevalence is not between LEAST and MOST, or the training set had one class only, so that the
            prevalence that the model was fitted at is unknown.
    """
    if not LEAST <= wanted <= MOST:  # in this form NaN is outside
        raise WdbcError(
            f"A prevalence of {wanted:g} is not between {LEAST:g} and {MOST:g}.",
            where="the prevalence",
            hint="Give the share of the patients that is malignant, such as 0.1 for one in ten."
            " These patients are too different from those that the model was fitted on for a prevalence beyond.",
        )
    training = policy.training
    if not 0 < training.malignant < training.rows:
        raise WdbcError(
            f"The policy was derived from {training.malignant} malignant patients among {training.rows}, so the"
            " prevalence that the model was fitted at is unknown.",
            where="the decision policy",
            hint="Promote a model of this release: `wdbc run`, then `wdbc promote`.",
        )
    if round(wanted * training.rows) == training.malignant:
        return replace(policy, recalibration=None)
    trained = training.prevalence
    return replace(
        policy,
        recalibration=Recalibration(trained=trained, prevalence=wanted, offset=prevalence.offset(trained, wanted)),
    )


def warning(policy: DecisionPolicy) -> str | None:
    """Return why the probabilities of a recalibrated policy deserve little trust, or None if they do not."""
    if policy.recalibration is None or COMMON_LEAST <= policy.prevalence <= COMMON_MOST:
        return None
    here, there = formatting.percent(policy.training.prevalence), formatting.percent(policy.prevalence)
    return (
        f"a prevalence of {there} is far from the {here} of the training set: patients so rarely or so often malignant"
        " probably differ in more than their number, which no recalibration corrects; check the probabilities with"
        " outcomes from there"
    )


def probabilities(policy: DecisionPolicy, p: Array) -> Array:
    """Return the probabilities at the policy's prevalence, for those of the model as it was fitted, of any shape.

    They are in the same order: of two patients, the one with the higher probability never gets the lower one.
    """
    if policy.recalibration is None:
        return p
    with np.errstate(divide="ignore", over="ignore"):  # a probability of 0 stays 0
        # Each of these operations keeps the order also when it is rounded, which p w / (p w + 1 - p) does not.
        return 1 / (1 + (1 - p) / (p * math.exp(policy.recalibration.offset)))


@dataclass(frozen=True)
class Bounds:
    """Threshold and quantiles of a policy for the probabilities at its prevalence: to show, not to decide by."""

    threshold: float
    quantiles: Quantiles


def bounds(policy: DecisionPolicy) -> Bounds:
    """Return the bounds of a policy for the probabilities at its prevalence."""
    if policy.recalibration is None:
        return Bounds(policy.threshold, policy.quantiles)
    given = np.array([policy.threshold, policy.quantiles.benign, 1 - policy.quantiles.malignant])
    threshold, benign, malignant = probabilities(policy, given).tolist()
    return Bounds(threshold, Quantiles(benign=benign, malignant=1 - malignant))


@dataclass(frozen=True)
class PredictiveValues:
    """The predictive values of a threshold at a prevalence."""

    ppv: Interval
    npv: Interval


def predictive_values(rates: Rates, prevalence: float) -> PredictiveValues:
    """Return the predictive values of a threshold at a prevalence between 0 and 1.

    The odds of malignant are multiplied by the likelihood ratio: PPV = odds LR+ / (1 + odds LR+) and NPV = 1 / (1 +
    odds LR-), where odds = prevalence / (1 - prevalence). Both are monotone in the likelihood ratio, so its interval
    becomes theirs and covers as often. A value whose likelihood ratio has no interval has none, for the same reason;
    where nobody is on that side of the threshold, nothing can be said of it.

    Source: D. G. Altman, J. M. Bland (1994), BMJ 309:102, and 309:455 for the likelihood ratios by D. L. Simel; see
    `intervals.ratio`.
    """
    odds = prevalence / (1 - prevalence)
    (tn, fp), (fn, tp) = rates.confusion_matrix
    return PredictiveValues(
        ppv=_after(rates.positive_likelihood_ratio, odds, others=fp, patients=tp + fp, nobody=rates.ppv.reason),
        npv=_complement(
            _after(rates.negative_likelihood_ratio, odds, others=tn, patients=tn + fn, nobody=rates.npv.reason)
        ),
    )


def _after(ratio: Interval, odds: float, *, others: int, patients: int, nobody: str | None) -> Interval:
    """Return the share of malignant on one side of the threshold, where `others` of the `patients` are benign."""
    if patients == 0:
        return intervals.without(None, nobody or "nobody is on this side of the threshold")
    if ratio.value is None:
        return intervals.without(0.0 if others else 1.0, str(ratio.reason))
    value, low, high = (
        None if estimate is None else odds * estimate / (1 + odds * estimate) for estimate in _numbers(ratio)
    )
    return Interval(value=value, low=low, high=high, method=ratio.method, reason=ratio.reason)


def _complement(malignant: Interval) -> Interval:
    value, low, high = (None if estimate is None else 1 - estimate for estimate in _numbers(malignant))
    return Interval(value=value, low=high, high=low, method=malignant.method, reason=malignant.reason)


def _numbers(interval: Interval) -> tuple[float | None, float | None, float | None]:
    return interval.value, interval.low, interval.high
