"""How many patients are needed: to develop a model, and to validate it elsewhere.

To develop a model with so many parameters that is not overfitted, there are three criteria: a shrinkage of the
coefficients of at most a tenth, a difference of at most .05 between apparent and adjusted Nagelkerke R2, and an
estimate of the prevalence within .05. Source: R. D. Riley et al. (2020), BMJ 368:m441.

To validate a model at another hospital, observed / expected and the calibration slope are to be estimated with given
standard errors. Source: R. D. Riley et al. (2021), Stat. Med. 40:4230-4251; L. Archer et al. (2021), Stat. Med.
40:133-146.

numpy is imported inside functions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wdbc_assets.domain.evaluation.results import ExternalValidation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OBSERVED_EXPECTED_ERROR = 0.1
"""The standard error of ln(observed / expected): a true 1 has the 95 % interval [.82, 1.22]."""

SLOPE_ERROR = 0.15
"""The standard error of the calibration slope: a true 1 has the 95 % interval [.71, 1.29].

The formula is asymptotic. A model that separates the classes well leaves few patients with information on the slope: in
simulations, the number of patients for .15 gave .19, and half as many again gave .15."""

_SHRINKAGE, _OPTIMISM, _PRECISION = 0.9, 0.05, 0.05
_LEAST_INFORMATION = 1e-6  # at less, tens of millions of patients would be needed
_ROUNDING = 1e-9
_NORMAL = 1.959964  # the 97.5 % quantile of the normal distribution


@dataclass(frozen=True)
class SampleSize:
    """The number of patients that each criterion needs."""

    shrinkage: int
    optimism: int
    prevalence: int

    @property
    def needed(self) -> int:
        """The number of patients that satisfies all criteria."""
        return max(self.shrinkage, self.optimism, self.prevalence)


def sample_size(*, parameters: int, prevalence: float, log_loss: float) -> SampleSize | None:
    """Return how many patients a model needs that will reach a log-loss, or None if it is no better than chance.

    Args:
        parameters: The number of coefficients besides the intercept, before any selection.
        prevalence: The share of malignant patients, between 0 and 1.
        log_loss: The log-loss for new patients (natural), from which the Cox-Snell R2 = 1 - exp(2 (log-loss - null
            log-loss)) follows.
    """
    null = -(prevalence * math.log(prevalence) + (1 - prevalence) * math.log(1 - prevalence))
    r2, largest = 1 - math.exp(2 * (log_loss - null)), 1 - math.exp(-2 * null)
    if r2 <= 0:
        return None

    def patients(shrinkage: float) -> int:
        # An R2 above the shrinkage leaves nothing to explain: the formula ends, and hardly any patients are needed.
        share = min(r2 / shrinkage, 1 - 1e-12)
        return math.ceil(parameters / ((shrinkage - 1) * math.log1p(-share)))

    return SampleSize(
        shrinkage=patients(_SHRINKAGE),
        optimism=patients(r2 / (r2 + _OPTIMISM * largest)),
        prevalence=math.ceil((_NORMAL / _PRECISION) ** 2 * prevalence * (1 - prevalence)),
    )


def external_validation(prevalence: float, p: NDArray[np.float64]) -> ExternalValidation:
    """Return how many patients a validation needs, if they are like those of these out-of-fold probabilities.

    - The variance of ln(observed / expected) is (1 - prevalence) / (n prevalence).
    - That of the slope follows from the information of the logistic regression y ~ a + b x at a = 0 and b = 1, where x
      are the log-odds and the weights p (1 - p). It is computed for each repeat, and the numbers of patients are
      averaged. The probabilities are clipped as for the log-loss.

    Args:
        prevalence: The share of malignant patients there, between 0 and 1.
        p: P(malignant), shape (repeats, n).
    """
    observed_expected = _whole((1 - prevalence) / (prevalence * OBSERVED_EXPECTED_ERROR**2))
    units = [_slope_variance(repeat) for repeat in p]
    known = [unit for unit in units if unit is not None]
    slope = _whole(sum(known) / len(known) / SLOPE_ERROR**2) if len(known) == len(units) else None
    return ExternalValidation(
        observed_expected=observed_expected,
        slope=slope,
        events=math.ceil(max(observed_expected, slope or 0) * prevalence),
        reason=None if slope is not None else "the log-odds of the patients hardly differ, so a slope has no bound",
    )


def _slope_variance(p: NDArray[np.float64]) -> float | None:
    """Return the variance of the calibration slope times the number of patients, or None if it is unbounded."""
    import numpy as np

    from wdbc_assets.domain.evaluation import ranking

    probability = np.clip(p, ranking.LOG_LOSS_CLIP, 1 - ranking.LOG_LOSS_CLIP)
    log_odds = np.log(probability) - np.log1p(-probability)
    weights = probability * (1 - probability)
    centred = log_odds - np.average(log_odds, weights=weights)
    information = float((weights * centred**2).mean())
    return 1 / information if information > _LEAST_INFORMATION else None


def _whole(patients: float) -> int:
    return math.ceil(patients - _ROUNDING)
