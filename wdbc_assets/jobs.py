"""The jobs: `train` makes all five assets of the main line, `refresh` the data alone.

They run in one process. The multiprocess executor imports every library again in each step, which costs about seven
times the CPU for assets of this size.
"""

import dagster as dg

from wdbc_assets.assets import dataset, model

LIMIT_SECONDS = 60 * 60
"""No run may last longer; enforced by run monitoring when a daemon runs (dagster.yaml says the same for every run)."""

train = dg.define_asset_job(
    "train",
    selection=dg.AssetSelection.assets(
        dataset.raw_data, dataset.clean_frame, dataset.train_test_split, model.fitted_pipeline, model.metrics
    ),
    description="From the source to judged metrics. Assets that are up to date are recorded as unchanged.",
    executor_def=dg.in_process_executor,
    tags={"dagster/max_runtime": str(LIMIT_SECONDS)},
)

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.assets(dataset.raw_data, dataset.clean_frame, dataset.train_test_split),
    description="From the source to the split, without training.",
    executor_def=dg.in_process_executor,
    tags={"dagster/max_runtime": str(LIMIT_SECONDS)},
)
