"""Metrics of the alerts: open episodes by the last look, and messages that wait for their channels."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from prometheus_client.core import GaugeMetricFamily

from wdbc_assets.monitoring.alerts import outbox
from wdbc_assets.monitoring.exporter.families import gauge, single
from wdbc_assets.settings import Severity


def alerts(home: Path) -> Iterator[GaugeMetricFamily]:
    """Yield what the outbox in Dagster's home says; nothing if nobody has looked for problems yet."""
    if not outbox.exists(home):
        return
    with outbox.open_outbox(home) as box:
        open_ = Counter(episode.severity for episode in box.episodes() if episode.closed_at is None)
        backlogs, looked = box.backlogs(), box.last_look()
    yield gauge(
        "alerts_open",
        "Open alerts by the last look.",
        [({"severity": severity}, open_[severity]) for severity in get_args(Severity)],
    )
    yield gauge(
        "alert_messages_waiting",
        "Messages that a channel has not accepted yet.",
        [({"channel": backlog.channel}, backlog.messages) for backlog in backlogs],
    )
    yield single("alerts_looked_timestamp_seconds", "When somebody last looked for problems.", looked)
