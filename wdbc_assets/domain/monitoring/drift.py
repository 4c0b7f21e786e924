"""The drift report of a batch: whether the incoming patients still are like those of the reference.

The scan covers windows of the last batches (`scan`) in 64 streams (`streams`); `calibration` has its threshold, and the
rate of false alarms that it promises. Everything is computed from sketches, so a report of stored batches and one of
the service's sketches of the same patients are equal.

This module imports numpy, so callers import it inside functions.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from threadpoolctl import threadpool_limits

from wdbc_assets.domain.monitoring import prevalence_shift, scan, streams, thresholds
from wdbc_assets.domain.monitoring.distances import Distance, DistanceFromReference
from wdbc_assets.domain.monitoring.prevalence_shift import PrevalenceShift
from wdbc_assets.domain.monitoring.rebased import Rebase
from wdbc_assets.domain.monitoring.streams import Reference, Sketch

DriftVerdict = Literal["drift", "no drift", "too few to say"]

_POWER_QUANTILE = 0.8416
"""The 80 % quantile of the standard normal distribution: a detectable shift is one that is found in 80 %."""

_SHIFT_OF_U = 1 / (2 * math.sqrt(math.pi))
"""By how much the mean of u moves for each standard deviation of a normal quantity, for small shifts."""

_VARIANCES = np.repeat(streams.VARIANCES, len(streams.QUANTITIES))


@dataclass(frozen=True)
class BatchSketch:
    """The sketch of a batch, with the name of the batch."""

    batch: str
    sketch: Sketch


@dataclass(frozen=True)
class StreamDrift:
    """The z with the largest absolute value in one stream.

    Attributes:
        quantity, aspect: The stream, see `streams.STREAMS`.
        z: The statistic of the scan.
        window: The number of last batches that it is about.
    """

    quantity: str
    aspect: streams.Aspect
    z: float
    window: int


@dataclass(frozen=True)
class DriftReport:
    """What the scan says after a batch.

    Attributes:
        batch: The batch after which the scan was made.
        sketch: What is kept of the batch.
        reference: The digest of the reference.
        reference_rows: The number of patients of the reference.
        earlier_batches, earlier_rows: The batches before this one and their patients.
        cadence: How often a batch is expected.
        threshold: An alarm is a |z| above this.
        false_alarms, false_alarms_error: The share of years without a change that have an alarm, and the standard
            deviation of this share.
        verdict: "too few to say" if no window has enough patients.
        streams: The largest |z| of each stream, largest first; empty if there are too few patients.
        detectable: The smallest shift of one measurement, in its standard deviations, that the scan finds in 80 % of
            cases by now, for a normal distribution; None if there are too few patients.
        prevalence: What the window with the largest |z| says about the prevalence; None without an alarm.
        distances: The distances of this batch from the reference, a description.
        rebase: The decision that made the reference; None for the patients of development.
    """

    batch: str
    sketch: Sketch
    reference: str
    reference_rows: int
    earlier_batches: int
    earlier_rows: int
    cadence: thresholds.Cadence
    threshold: float
    false_alarms: float
    false_alarms_error: float
    verdict: DriftVerdict
    streams: tuple[StreamDrift, ...]
    detectable: float | None
    prevalence: PrevalenceShift | None
    distances: tuple[Distance, ...]
    rebase: Rebase | None = field(default=None, metadata={"omitted": True})

    @property
    def alarms(self) -> tuple[StreamDrift, ...]:
        """The streams in alarm, largest |z| first."""
        return tuple(stream for stream in self.streams if abs(stream.z) > self.threshold)

    @property
    def cause(self) -> Literal["prevalence", "measurements"] | None:
        """What drifted: only the share of malignant patients, or the measurements; None without an alarm."""
        if self.prevalence is None:
            return None
        return "prevalence" if self.prevalence.explains else "measurements"


def summarize(
    reference: Reference, parts: Iterable[tuple[Sequence[np.ndarray], np.ndarray]]
) -> tuple[Sketch, tuple[Distance, ...]]:
    """Return what is kept of a batch, and its distances from the reference. Only one part of it is held in memory.

    Args:
        reference: What the patients are compared with.
        parts: Their measurements, shape (30, m), and log-odds, shape (m,), in parts of any size.

    Raises:
        ValueError: a value is NaN.
    """
    sketch, comparison = streams.EMPTY, DistanceFromReference(reference)
    with threadpool_limits(limits=1):  # more threads would wait for each other longer than they compute
        for measurements, log_odds in parts:
            quantities = reference.quantities(measurements, log_odds)
            streams.put_in_order(quantities)
            counts = reference.rank_counts(quantities)
            sketch += streams.of_rank_counts(reference, quantities, counts)
            comparison.add(quantities, counts)
    return sketch, comparison.distances()


def report(
    reference: Reference,
    earlier: Sequence[BatchSketch],
    latest: BatchSketch,
    *,
    cadence: thresholds.Cadence = "weekly",
    distances: tuple[Distance, ...] = (),
    rebase: Rebase | None = None,
) -> DriftReport:
    """Return what the scan says after the latest batch.

    Args:
        reference: What the patients are compared with; all sketches were made with it.
        earlier: The batches before, oldest first.
        latest: The batch.
        cadence: How often a batch is expected.
        distances: The distances of the batch from the reference, see `summarize`.
        rebase: The decision that made the reference, if it is not that of development.
    """
    promised = thresholds.DRIFT[cadence]
    sketches = [*(batch.sketch for batch in earlier), latest.sketch]
    lengths = scan.windows(len(sketches), promised.windows)
    z = scan_sketches(reference, sketches, lengths)
    tested = [length for length, row in zip(lengths, z, strict=True) if not np.isnan(row[0])]
    shifts = _largest(z, lengths) if tested else ()
    alarmed = bool(shifts) and abs(shifts[0].z) > promised.value
    verdict: DriftVerdict = "drift" if alarmed else "no drift" if tested else "too few to say"
    return DriftReport(
        batch=latest.batch,
        sketch=latest.sketch,
        reference=reference.digest,
        reference_rows=reference.rows,
        earlier_batches=len(earlier),
        earlier_rows=sum(batch.sketch.rows for batch in earlier),
        cadence=cadence,
        threshold=promised.value,
        false_alarms=promised.false_alarms,
        false_alarms_error=promised.error,
        verdict=verdict,
        streams=shifts,
        detectable=_detectable(reference, sketches, tested, promised.value),
        prevalence=prevalence_shift.assess(reference, _sum(sketches[-shifts[0].window :])) if alarmed else None,
        distances=distances,
        rebase=rebase,
    )


def scan_sketches(reference: Reference, sketches: Sequence[Sketch], lengths: Sequence[int]) -> np.ndarray:
    """Return z of the windows of these lengths that end with the last sketch, shape (windows, 64)."""
    rows = np.array([sketch.rows for sketch in sketches])
    sums = np.array([sketch.sums for sketch in sketches]) / (2 * reference.rows)
    return scan.scores(
        rows,
        sums,
        rows[:, None] * _VARIANCES,
        lengths=lengths,
        reference_rows=reference.rows,
        reference_sums=reference.rows * reference.means,
        reference_variances=reference.rows * _VARIANCES,
    )


def _largest(z: np.ndarray, lengths: Sequence[int]) -> tuple[StreamDrift, ...]:
    size = np.where(np.isnan(z), -1, np.abs(z))
    chosen = size.argmax(axis=0)
    order = np.argsort(-size.max(axis=0), kind="stable")
    return tuple(
        StreamDrift(quantity, aspect, float(z[chosen[stream], stream]), lengths[chosen[stream]])
        for stream in order
        for quantity, aspect in [streams.STREAMS[stream]]
    )


def _detectable(
    reference: Reference, sketches: Sequence[Sketch], lengths: Sequence[int], threshold: float
) -> float | None:
    """Return the smallest shift that is found in 80 % of cases if it lasts for one of the tested windows."""
    total = reference.rows + sum(sketch.rows for sketch in sketches)
    within = [sum(sketch.rows for sketch in sketches[-length:]) for length in lengths]
    errors = [math.sqrt(streams.VARIANCES[0] * (1 / n + 1 / (total - n))) for n in within]
    return (threshold + _POWER_QUANTILE) * min(errors) / _SHIFT_OF_U if errors else None


def _sum(sketches: Sequence[Sketch]) -> Sketch:
    return sum(sketches, start=streams.EMPTY)
