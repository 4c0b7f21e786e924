"""The sensors: what starts a run because something happened outside."""

import json

import dagster as dg

from wdbc_assets import jobs, resources, settings, sources
from wdbc_assets.domain.errors import WdbcError

INTERVAL_SECONDS = 300


@dg.sensor(
    job=jobs.train,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Looks at the source and starts train when its content differs from what was last trained on.",
)
def source_changed(
    context: dg.SensorEvaluationContext, store: resources.StoreResource
) -> dg.SensorResult | dg.SkipReason:
    """Start `train` once for each new content of the source.

    The cursor holds the source and the digest of the content that a run was last requested for, so that a content
    that a run refuses does not start the next run. A look that fails leaves the cursor as it is.
    """
    try:
        location = sources.parse(settings.load().source)
        passport = store.open().current("raw_data")
        known = sources.Origin.from_json(passport.origin) if passport and passport.origin else None
        look = sources.look(location, known)
    except WdbcError as error:
        return dg.SkipReason(f"The source could not be looked at: {error}")
    if not look.changed:
        return dg.SkipReason(f"Unchanged: {location.shown} is what raw_data was made from ({look.reason}).")
    cursor = json.dumps({"source": location.shown, "identity": look.identity})
    if cursor == context.cursor:
        return dg.SkipReason(f"A run was already requested for this content of {location.shown} ({look.identity}).")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"{location.shown}@{look.identity}")], cursor=cursor)
