"""The schedules. They are off until a user turns them on in the UI.

Of the ticks missed while the daemon was down, Dagster catches up on only the last one.
"""

import dagster as dg

from wdbc_assets.monitoring import service_windows
from wdbc_assets.orchestration import jobs, resources
from wdbc_assets.pipeline import served_files

daily_train = dg.ScheduleDefinition(
    name="daily_train",
    target=jobs.train,
    cron_schedule="0 6 * * *",
    execution_timezone="Etc/UTC",  # no clock changes: each day has one 06:00
    description="Runs train every day at 06:00 UTC. If nothing has changed, every asset is recorded as unchanged.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)


@dg.schedule(
    job=jobs.served,
    cron_schedule="0 3 * * *",
    execution_timezone="Etc/UTC",
    description="Takes up every day at 03:00 UTC what `wdbc serve` left, and compares the windows that have ended.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
def daily_served(store: resources.StoreResource) -> dg.RunRequest:
    """Start `served`, without the comparison as long as no window has ended."""
    assets = service_windows.assets_to_take_up(store.open(), served_files.open_files())
    return dg.RunRequest(asset_selection=[dg.AssetKey(asset) for asset in assets])
