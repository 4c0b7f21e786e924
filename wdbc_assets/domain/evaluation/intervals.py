"""Confidence intervals: the type of a value with its interval, and the Wilson intervals of a proportion and of F1.

Those that need numpy are in `delong` (ROC-AUC) and `bootstrap` (mean losses).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Literal

from wdbc_assets.domain import defaults

Method = Literal["wilson", "wilson_jaccard", "delong", "clopper_pearson", "bootstrap_t", "log_ratio", "none"]
_METHODS: Mapping[Method, str] = {
    "wilson": "Wilson",
    "wilson_jaccard": "Wilson, of the Jaccard index",
    "delong": "DeLong, logit scale",
    "clopper_pearson": "Clopper-Pearson",
    "bootstrap_t": "bootstrap-t, log scale",
    "log_ratio": "delta method, log scale",
}


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A value with its confidence interval.

    The bounds are None if the value is undefined or has no interval; `reason` then says why. `method` is how the
    interval is computed:

    - `wilson`: Wilson's score interval of a proportion.
    - `wilson_jaccard`: Wilson's interval of the Jaccard index, converted to F1.
    - `delong`: DeLong's variance, on the logit scale.
    - `clopper_pearson`: the exact interval of a proportion, for a ROC-AUC of 0 or 1.
    - `bootstrap_t`: studentized bootstrap, on the log scale.
    - `log_ratio`: delta method for a ratio of two proportions, on the log scale.
    - `none`: it is not computed.
    """

    value: float | None
    low: float | None
    high: float | None
    method: Method = field(metadata={"key": "interval"})
    reason: str | None = field(default=None, metadata={"omitted": True})

    @property
    def by(self) -> str:
        """How the interval is computed, in words, or that there is none."""
        return "no interval" if self.low is None else _METHODS[self.method]


def proportion(hits: float, total: float, *, confidence: float = defaults.CONFIDENCE, undefined: str = "") -> Interval:
    """Return hits / total with its Wilson score interval, or None with `undefined` as the reason if `total` is 0.

    Counts may be means over repeats.

    Source: E. B. Wilson (1927), J. Am. Stat. Assoc. 22:209-212; it is method 3 of R. G. Newcombe (1998), Stat. Med.
    17:857-872.
    """
    if total == 0:
        return Interval(value=None, low=None, high=None, method="wilson", reason=undefined)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = hits / total
    middle = share + z * z / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    # At the ends the formula gives exactly 0 and 1, except for rounding.
    low = 0.0 if hits == 0 else (middle - half) / scale
    high = 1.0 if hits == total else (middle + half) / scale
    return Interval(value=share, low=low, high=high, method="wilson")


def f1(tp: int, wrong: int, *, confidence: float = defaults.CONFIDENCE) -> Interval:
    """Return F1 = 2 TP / (2 TP + FP + FN) with the Wilson interval of the Jaccard index; `wrong` is FP + FN.

    F1 is 2 J / (1 + J), where J = TP / (TP + FP + FN) is a proportion: of the patients who are malignant or called
    malignant, those who are both. The conversion is monotone, so the interval of F1 covers as often as that of J.
    TP + FP + FN must be above 0.

    Source: see `proportion`.
    """
    jaccard = proportion(tp, tp + wrong, confidence=confidence)
    shares = (jaccard.value, jaccard.low, jaccard.high)
    value, low, high = (None if share is None else 2 * share / (1 + share) for share in shares)
    return Interval(value=value, low=low, high=high, method="wilson_jaccard")


def ratio(
    hits: int, total: int, others: int, other_total: int, *, confidence: float = defaults.CONFIDENCE, infinite: str
) -> Interval:
    """Return (hits / total) / (others / other_total), a ratio of two independent proportions: a likelihood ratio, say.

    If `others` is 0, the ratio is infinite or undefined: the value is None and `infinite` the reason. A ratio of 0 has
    no interval on the log scale. `total` and `other_total` must be above 0.

    Source: D. L. Simel, G. P. Samsa, D. B. Matchar (1991), J. Clin. Epidemiol. 44:763-770; the logarithm of the ratio
    is approximately normal with the variance 1/hits - 1/total + 1/others - 1/other_total.
    """
    if others == 0:
        return without(None, infinite)
    value = (hits / total) / (others / other_total)
    if hits == 0:
        return without(value, "a ratio of 0 has no interval on the log scale")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    half = z * math.sqrt(1 / hits - 1 / total + 1 / others - 1 / other_total)
    return Interval(value=value, low=value / math.exp(half), high=value * math.exp(half), method="log_ratio")


def without(value: float | None, reason: str) -> Interval:
    """Return a value for which no interval is computed, with the reason."""
    return Interval(value=value, low=None, high=None, method="none", reason=reason)
