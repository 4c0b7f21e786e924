"""The Dagster jobs. Their assets are listed in `pipeline.specs.JOBS`.

They run in one process: the multiprocess executor imports every library again in each step, which costs about seven
times the CPU for assets of this size.
"""

import dagster as dg

from wdbc_assets.pipeline import specs


def _job(name: str, description: str) -> "dg.UnresolvedAssetJobDefinition":
    return dg.define_asset_job(
        name,
        selection=dg.AssetSelection.assets(*specs.JOBS[name]),
        description=description,
        executor_def=dg.in_process_executor,
    )


train = _job(
    "train", "Train the model: from the source to the test metrics. Up-to-date assets are recorded as unchanged."
)
refresh = _job("refresh", "Refresh the dataset: from the source to the split, without training.")
explore = _job("explore", "Explore the data: distributions, correlations and findings.")
evaluate = _job(
    "evaluate", "Evaluate the recipes by repeated nested cross-validation, including the reference Airflow project's."
)
evidence = _job(
    "evidence", "Update the evidence from the current versions: exploration, decision policy, importance, model card."
)
promote = _job("promote", "Compare the current pipeline with the champion, and promote it if it passes the gate.")
