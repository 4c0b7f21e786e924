"""Windows and predictions as workers of the service leave them."""

from datetime import UTC, datetime

from wdbc_assets.domain.monitoring import streams
from wdbc_assets.domain.monitoring.served import ServedWindow
from wdbc_assets.domain.monitoring.streams import Sketch
from wdbc_assets.pipeline.served_files import ServedPrediction

REFERENCE = "a" * 64
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)  # a Thursday of the week 2026-W48


def sketch(rows: int) -> Sketch:
    """Return a sketch of this many patients, all of them in the middle of the reference."""
    bins = (*(0 for _ in range(streams.BINS - 1)), rows)
    return Sketch(rows, (569 * rows,) * len(streams.STREAMS), bins)


def window(name: str = "2026-W40", rows: int = 40, *, reference: str = REFERENCE, champion: str = "v1") -> ServedWindow:
    """Return a window with patients of one champion."""
    return ServedWindow(name, reference, "logistic", (champion,), sketch(rows))


def prediction(name: str = "p1", probability: float = 0.25) -> ServedPrediction:
    """Return a prediction that the service kept."""
    return ServedPrediction(name, probability, "benign", False, "v1", "logistic", "2026-11-26T12:00:00+00:00")
