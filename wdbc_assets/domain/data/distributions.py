"""The distribution of one measurement: quantiles by class, skewness, outliers, and how well it separates the classes.

Nothing here reveals a single patient's value: only quantiles within a class, counts, and edges that are round numbers.
numpy is imported inside functions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOW, HIGH = 0.05, 0.95
"""Nine tenths of a class lie between these quantiles."""

BINS = 25
"""The number of bins; a histogram has at most two more. Its outermost bins also contain the values beyond them."""

_OUTERMOST = (0.01, 0.99)  # quantiles of all patients that a histogram reaches to
_FENCE = 1.5  # interquartile ranges beyond the quartiles


@dataclass(frozen=True)
class ClassQuantiles:
    """The median of a class, and its interpolated quantiles LOW and HIGH."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class ClassHistogram:
    """The number of patients of each class between the edges."""

    edges: tuple[float, ...]
    benign: tuple[int, ...]
    malignant: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """The distribution of one measurement.

    `outliers` counts the values beyond Tukey's fences of their own class. `auc` is above 0.5 if larger values indicate
    malignancy, and below 0.5 if smaller ones do. `skew` is None for a constant. `zeros` counts values of exactly 0.
    """

    benign: ClassQuantiles
    malignant: ClassQuantiles
    skew: float | None
    outliers: int
    zeros: int
    auc: float
    histogram: ClassHistogram


def describe(values: NDArray[np.float64], malignant: NDArray[np.bool_]) -> Distribution:
    """Describe one measurement; both arguments have the shape (n_patients,)."""
    import numpy as np

    benign_values, malignant_values = values[~malignant], values[malignant]
    edges = common_edges(values)
    counts = (np.histogram(np.clip(part, edges[0], edges[-1]), edges)[0] for part in (benign_values, malignant_values))
    return Distribution(
        benign=_quantiles(benign_values),
        malignant=_quantiles(malignant_values),
        skew=skew(values),
        outliers=outliers(benign_values) + outliers(malignant_values),
        zeros=int((values == 0).sum()),
        auc=auc(values, malignant),
        histogram=ClassHistogram(tuple(edges), *(tuple(count.tolist()) for count in counts)),
    )


def auc(values: NDArray[np.float64], malignant: NDArray[np.bool_]) -> float:
    """Return the probability that a malignant patient's value is larger than a benign one's; ties count half.

    Source: J. A. Hanley, B. J. McNeil (1982), Radiology 143:29-36. It is exact, because it sums integers.
    """
    import numpy as np

    benign, others = np.sort(values[~malignant]), values[malignant]
    below = np.searchsorted(benign, others, "left") + np.searchsorted(benign, others, "right")
    return int(below.sum()) / (2 * len(benign) * len(others))


def skew(values: NDArray[np.float64]) -> float | None:
    """Return the adjusted Fisher-Pearson coefficient of skewness, or None if all values are equal.

    Source: D. N. Joanes, C. A. Gill (1998), The Statistician 47:183-189, their G1.
    """
    import numpy as np

    n, far = len(values), values - values.mean()
    if n < 3 or values.min() == values.max():
        return None
    far /= np.abs(far).max()  # skewness has no unit; thus neither power can overflow or vanish
    second, third = float((far * far).mean()), float((far * far * far).mean())
    return math.sqrt(n * (n - 1)) / (n - 2) * third / (second * math.sqrt(second))


def outliers(values: NDArray[np.float64]) -> int:
    """Count the values more than 1.5 interquartile ranges beyond the quartiles.

    Source: J. W. Tukey (1977), Exploratory Data Analysis; with interpolated quartiles.
    """
    import numpy as np

    first, third = np.quantile(values, (0.25, 0.75))
    reach = _FENCE * (third - first)
    return int(((values < first - reach) | (values > third + reach)).sum())


def common_edges(values: NDArray[np.float64]) -> list[float]:
    """Return ascending edges of bins of equal width that contain all but the lowest and highest 1 % of the values.

    They are multiples of 1, 2 or 5 times a power of ten, so that no edge is a patient's value or an extreme.
    """
    import numpy as np

    low, high = (float(value) for value in np.quantile(values, _OUTERMOST))
    width = (high - low or abs(high) or 1.0) / BINS
    exponent = math.floor(math.log10(width))
    step = next(round_one for round_one in (1, 2, 5, 10) if round_one * 10.0**exponent >= width) * 10.0**exponent
    first = math.floor(low / step)
    last = max(math.ceil(high / step), first + 1)
    return [round(number * step, max(-exponent, 0)) for number in range(first, last + 1)]


def _quantiles(values: NDArray[np.float64]) -> ClassQuantiles:
    import numpy as np

    low, median, high = np.quantile(values, (LOW, 0.5, HIGH)).tolist()
    return ClassQuantiles(median, low, high)
