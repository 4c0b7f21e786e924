"""The Dagster definitions: everything is assembled here. No logic belongs here."""

import dagster as dg

from wdbc_assets.orchestration import (
    alert_sensor,
    guard_sensor,
    inbox_sensor,
    jobs,
    resources,
    retrain_sensor,
    schedules,
    sensors,
)
from wdbc_assets.orchestration.assets import ASSETS
from wdbc_assets.orchestration.executor import executor
from wdbc_assets.orchestration.io_manager import StepIOManager, StoreIOManager

store = resources.StoreResource()

defs = dg.Definitions(
    assets=ASSETS,
    jobs=[
        jobs.train,
        jobs.refresh,
        jobs.explore,
        jobs.evaluate,
        jobs.evidence,
        jobs.promote,
        jobs.monitor,
        jobs.served,
        jobs.live,
        jobs.retrain,
        jobs.evaluate_labelled,
    ],
    schedules=[schedules.daily_train, schedules.daily_served],
    sensors=[
        sensors.source_changed,
        sensors.evidence_updates,
        inbox_sensor.inbox_changed,
        retrain_sensor.retrain_wanted,
        alert_sensor.alerts,
        guard_sensor.rollback_guard,
    ],
    resources={
        "store": store,
        "source": resources.SourceResource(),
        "inbox": resources.InboxResource(),
        "io_manager": StoreIOManager(store=store),
        "step_io_manager": StepIOManager(store=store),
    },
    executor=executor,
)
