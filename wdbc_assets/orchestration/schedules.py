"""The schedules. Off until someone turns them on in the UI.

Of the ticks that were missed while no daemon ran, Dagster makes up for the last one only.
"""

import dagster as dg

from wdbc_assets.orchestration import jobs

daily_train = dg.ScheduleDefinition(
    name="daily_train",
    target=jobs.train,
    cron_schedule="0 6 * * *",
    execution_timezone="Etc/UTC",  # no clock changes: each day has one 06:00
    description="Every day at 06:00 UTC. If the source has not changed, every asset is recorded as unchanged.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
