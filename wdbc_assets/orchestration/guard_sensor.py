"""The sensor that guards the champion, as `wdbc live` does at its end. It starts no run."""

from contextlib import nullcontext

import dagster as dg

from wdbc_assets import settings
from wdbc_assets.orchestration import guarding, resources

INTERVAL_SECONDS = 60


@dg.sensor(
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=(
        "Looks every minute whether the live metrics show that the champion is worse than the one before it, which it"
        " then restores, or that its predictions are wrong, whereupon every patient is referred to a person. It acts"
        " once per champion, and only with WDBC_AUTO_ROLLBACK=guard."
    ),
)
def rollback_guard(context: dg.SensorEvaluationContext, store: resources.StoreResource) -> dg.SkipReason:
    """Do what the evidence calls for."""
    config = settings.load()
    if config.auto_rollback == guarding.OFF:
        return dg.SkipReason(f"{settings.variable('auto_rollback')} is off: a person decides. See `wdbc live`.")
    result = guarding.act(store.open(), config, lambda: nullcontext(context.instance))
    if result.error is not None:
        raise result.error
    if result.entry is not None:
        return dg.SkipReason(f"{result.entry.action}: {result.entry.reason}")
    return dg.SkipReason(result.reason or "The evidence calls for nothing.")
