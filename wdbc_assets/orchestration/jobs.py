"""The jobs: `train` makes all five assets of the main line, `refresh` the data alone, `explore` what they look like,
`evaluate` the honest figures, `evidence` what can be said of all that is current, `promote` what is in production.

What each makes stands in `lineage.JOBS`. They run in one process. The multiprocess executor imports every library again
in each step, which costs about seven times the CPU for assets of this size.
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


train = _job("train", "From the source to judged metrics. Assets that are up to date are recorded as unchanged.")
refresh = _job("refresh", "From the source to the split, without training.")
explore = _job("explore", "From the source to what the data look like: distributions, correlations, findings.")
evaluate = _job(
    "evaluate", "From the source to repeated cross-validation of the recipes, the reference Airflow project's beside."
)
evidence = _job("evidence", "What can be said of what is current: exploration, policy, importance, and the model card.")
promote = _job("promote", "Compare the current pipeline with the champion, and promote it if it wins.")
