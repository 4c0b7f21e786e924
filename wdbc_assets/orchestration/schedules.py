"""The schedules. They are off until a user turns them on in the UI.

Of the ticks missed while the daemon was down, Dagster catches up on only the last one.
"""

import dagster as dg

from wdbc_assets.orchestration import jobs

daily_train = dg.ScheduleDefinition(
    name="daily_train",
    target=jobs.train,
    cron_schedule="0 6 * * *",
    execution_timezone="Etc/UTC",  # no clock changes: each day has one 06:00
    description="Runs train every day at 06:00 UTC. If nothing has changed, every asset is recorded as unchanged.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
