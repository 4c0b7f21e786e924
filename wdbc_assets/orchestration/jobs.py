"""The Dagster jobs. Their assets are listed in `pipeline.specs.JOBS`."""

import dagster as dg

from wdbc_assets.orchestration.executor import executor
from wdbc_assets.pipeline import specs


def _job(name: str, description: str) -> "dg.UnresolvedAssetJobDefinition":
    return dg.define_asset_job(
        name,
        selection=dg.AssetSelection.assets(*specs.JOBS[name]),
        description=description,
        executor_def=executor,
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
    "evidence",
    "Update the evidence from the current versions: exploration, decision policy, stability, importance, model card.",
)
promote = _job("promote", "Compare the current pipeline with the champion, and promote it if it passes the gate.")
served = _job("served", "Take up what the service left: look for drift of its patients, and record kept predictions.")
live = _job("live", "Record the outcomes that were delivered, and compare the predictions with them.")
retrain = _job(
    "retrain",
    "Fit the champion's recipe on all patients whose diagnosis is known, and compare the refit with the champion.",
)
evaluate_labelled = _job(
    "evaluate_labelled", "Evaluate the recipes as `evaluate` does, on the reference and the labelled patients together."
)
monitor = _job("monitor", "Take up an incoming batch: store its patients, score them, and look for drift.")
