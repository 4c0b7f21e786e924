"""Metric families of the exporter: a name, a description, and samples with labels."""

from collections.abc import Iterable, Mapping

from prometheus_client.core import GaugeMetricFamily

from wdbc_assets import clock

PREFIX = "wdbc_"


def gauge(name: str, description: str, samples: Iterable[tuple[Mapping[str, str], float | None]]) -> GaugeMetricFamily:
    """Return a gauge. A sample without a value is left out; all samples have the same labels."""
    present = [(labels, value) for labels, value in samples if value is not None]
    names = list(present[0][0]) if present else []
    family = GaugeMetricFamily(PREFIX + name, description, labels=names)
    for labels, value in present:
        family.add_metric([labels[label] for label in names], float(value))
    return family


def single(name: str, description: str, value: float | None) -> GaugeMetricFamily:
    """Return a gauge without labels."""
    return gauge(name, description, [({}, value)])


def seconds(text: str | None) -> float | None:
    """Return a stored time as seconds since 1970; None if it cannot be read."""
    time = clock.time_of(text)
    return None if time is None else time.timestamp()
