"""The Dagster assets: one for each entry of the table in `pipeline.specs`."""

import dagster as dg

from wdbc_assets.orchestration.materialize import versioned_asset
from wdbc_assets.orchestration.promoted import promoted_asset
from wdbc_assets.pipeline import specs

ASSETS: list[dg.AssetsDefinition] = [
    promoted_asset(name) if spec.promoted else versioned_asset(name) for name, spec in specs.ASSETS.items()
]
