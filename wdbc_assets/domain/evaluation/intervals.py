"""Confidence intervals: the type of a value with its interval, and the Wilson interval of a proportion."""

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A value with its confidence interval.

    All three numbers are None if the value is undefined; `reason` then says why. `method` is how the interval was
    computed.
    """

    value: float | None
    low: float | None
    high: float | None
    method: Literal["wilson", "bootstrap"] = field(metadata={"key": "interval"})
    reason: str | None = field(default=None, metadata={"omitted": True})


def proportion(hits: int, of: int, *, confidence: float = 0.95, undefined: str = "") -> Interval:
    """Return hits / of with its Wilson score interval, or None with `undefined` as the reason if `of` is 0.

    Source: E. B. Wilson (1927), J. Am. Stat. Assoc. 22:209-212; it is method 3 of R. G. Newcombe (1998), Stat. Med.
    17:857-872.
    """
    if of == 0:
        return Interval(value=None, low=None, high=None, method="wilson", reason=undefined)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = hits / of
    middle = share + z * z / (2 * of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    # At the ends the formula gives exactly 0 and 1, except for rounding.
    low = 0.0 if hits == 0 else (middle - half) / scale
    high = 1.0 if hits == of else (middle + half) / scale
    return Interval(value=share, low=low, high=high, method="wilson")
