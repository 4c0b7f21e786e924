"""The assembly of everything that Dagster is to know. No logic belongs here."""

import dagster as dg

from wdbc_assets import jobs, resources, schedules, sensors
from wdbc_assets.assets import dataset, model, registry
from wdbc_assets.storage.io_manager import StoreIOManager

store = resources.StoreResource()

defs = dg.Definitions(
    assets=dg.load_assets_from_modules([dataset, model, registry]),
    jobs=[jobs.train, jobs.refresh, jobs.explore, jobs.evaluate, jobs.evidence, jobs.promote],
    schedules=[schedules.daily_train],
    sensors=[sensors.source_changed],
    resources={
        "store": store,
        "source": resources.SourceResource(),
        "io_manager": StoreIOManager(store=store),
    },
    executor=dg.in_process_executor,
)
