"""How many patients a model with so many parameters needs, so that it is not overfitted.

Three criteria: a shrinkage of the coefficients of at most a tenth, a difference of at most .05 between apparent and
adjusted Nagelkerke R2, and an estimate of the prevalence within .05. Source: R. D. Riley et al. (2020), BMJ 368:m441.
"""

import math
from dataclasses import dataclass

_SHRINKAGE, _OPTIMISM, _PRECISION = 0.9, 0.05, 0.05
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
