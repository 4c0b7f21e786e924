"""The scan of late outcomes: whether the probabilities still agree with the diagnoses.

Two streams are watched. `level` is y - p: its mean is 0 if as many patients are malignant as expected. `slope` is
-(y - p) logit p: its mean is 0 if the probabilities are as extreme as they should be, and it grows if confident
predictions turn out wrong; it is the score of the calibration slope. Given p, their variances are p (1 - p) and
p (1 - p) logit(p)^2. The out-of-fold predictions of the reference are part of what came before, so a model whose
calibration was imperfect from the start raises no alarm for that.

This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from wdbc_assets.domain.monitoring import scan, thresholds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from wdbc_assets.domain.monitoring.thresholds import Threshold


MOST_LOG_ODDS = 7.0
"""Log-odds are clipped here, so that a single patient cannot raise an alarm."""


@dataclass(frozen=True)
class OutcomeSums:
    """What the scan keeps of patients whose outcome is known.

    Attributes:
        rows: The number of patients.
        malignant: How many are malignant.
        level, slope: The sums of the two streams.
        level_variance, slope_variance: The sums of their variances.
    """

    rows: int
    malignant: int
    level: float
    slope: float
    level_variance: float
    slope_variance: float


@dataclass(frozen=True)
class OutcomeShift:
    """The largest value of z in one stream of the outcomes, and the number of last weeks that it is about."""

    stream: Literal["level", "slope"]
    z: float
    window: int


@dataclass(frozen=True)
class OutcomeScan:
    """What the scan says of the outcomes known by now.

    Attributes:
        shifts: The largest z of each stream; empty if there are too few patients or weeks.
        threshold: An alarm is |z| of the level, or z of the slope, above this.
        false_alarms, false_alarms_error: The share of years without a change that have an alarm, and the standard
            deviation of this share.
    """

    shifts: tuple[OutcomeShift, ...]
    threshold: float
    false_alarms: float
    false_alarms_error: float

    @property
    def alarms(self) -> tuple[OutcomeShift, ...]:
        """The streams in alarm."""
        return tuple(shift for shift in self.shifts if shift.z > self.threshold or _is_low_level(shift, self.threshold))


def _is_low_level(shift: OutcomeShift, threshold: float) -> bool:
    return shift.stream == "level" and shift.z < -threshold


def sums(y: ArrayLike, log_odds: ArrayLike) -> OutcomeSums:
    """Return the sums of patients with diagnoses y (1 = malignant) and the log-odds of their predictions."""
    truth = np.asarray(y, dtype=float)
    clipped = np.clip(np.asarray(log_odds, dtype=float), -MOST_LOG_ODDS, MOST_LOG_ODDS)
    p = 1 / (1 + np.exp(-clipped))
    residual, variance = truth - p, p * (1 - p)
    return OutcomeSums(
        rows=len(truth),
        malignant=int(truth.sum()),
        level=float(residual.sum()),
        slope=float(-(residual * clipped).sum()),
        level_variance=float(variance.sum()),
        slope_variance=float((variance * clipped**2).sum()),
    )


def scan_outcomes(
    reference: OutcomeSums, weeks: Sequence[OutcomeSums], promised: Threshold = thresholds.OUTCOMES
) -> OutcomeScan:
    """Return what the scan says after the last week.

    Args:
        reference: The out-of-fold predictions of the reference.
        weeks: The outcomes that became known in each week, oldest first.
        promised: The threshold, and the rate of false alarms that follows from it.
    """
    lengths = scan.windows(len(weeks), promised.windows)
    z = scan.scores(
        np.array([week.rows for week in weeks], dtype=np.int64),
        np.array([(week.level, week.slope) for week in weeks]).reshape(-1, 2),
        np.array([(week.level_variance, week.slope_variance) for week in weeks]).reshape(-1, 2),
        lengths=lengths,
        reference_rows=reference.rows,
        reference_sums=np.array([reference.level, reference.slope]),
        reference_variances=np.array([reference.level_variance, reference.slope_variance]),
    )
    shifts = []
    for column, stream in enumerate(("level", "slope")):
        sizes = np.abs(z[:, column]) if stream == "level" else z[:, column]
        if not np.isnan(sizes).all():
            row = int(np.nanargmax(sizes))
            shifts.append(OutcomeShift(stream, float(z[row, column]), lengths[row]))  # type: ignore[arg-type]
    return OutcomeScan(tuple(shifts), promised.value, promised.false_alarms, promised.error)
