"""The sensor that looks for problems and sends alerts, as `wdbc run` does at its end. It starts no run."""

import dagster as dg

from wdbc_assets import settings
from wdbc_assets.monitoring.alerts import detectors
from wdbc_assets.orchestration import alerting, resources

INTERVAL_SECONDS = 30


@dg.sensor(
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=(
        "Looks every 30 seconds for failed runs and ticks, refused, damaged or overdue assets, a stale source and low"
        " disk space, and sends alerts through the channels of WDBC_ALERTS. `wdbc alerts` lists them."
    ),
)
def alerts(context: dg.SensorEvaluationContext, store: resources.StoreResource) -> dg.SkipReason:
    """Look for problems, record them, and send what is due."""
    config = settings.load()
    if not config.alerts:
        return dg.SkipReason(f"{settings.variable('alerts')} is not set: there is nobody to alert.")
    look = alerting.look(store.open(), config, detectors.opened(context.instance))
    alerting.send(config, wait_seconds=alerting.SEND_SECONDS)
    count = sum(episode.closed_at is None for episode in look.episodes)
    return dg.SkipReason(f"{count} open alerts; {look.messages} new messages.")
