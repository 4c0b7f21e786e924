"""The asset table: everything that the platform knows about each asset, in one place.

Dagster's assets, checks and jobs, the staleness rule, verification and the report page are views of this table. It
imports neither Dagster nor pandas nor scikit-learn: code stands here as import paths, which `pkgutil.resolve_name`
resolves. To add an asset, write its domain function, its function in `pipeline.functions` (of an incoming batch:
`pipeline.batch_functions`), an entry in `model` or `monitoring`, and its description in `orchestration.metadata`.
"""

from collections.abc import Mapping

from wdbc_assets.pipeline.specs.asset_spec import AssetSpec
from wdbc_assets.pipeline.specs.model import MODEL
from wdbc_assets.pipeline.specs.monitoring import MONITORING

__all__ = ["ASSETS", "JOBS", "MODEL", "MONITORING", "AssetSpec", "batch_inputs"]

ASSETS: dict[str, AssetSpec] = MODEL | MONITORING
"""Inputs stand before the assets that use them."""

_JOB_NAMES = (
    "train", "refresh", "explore", "evaluate", "promote", "evidence", "monitor", "served", "live", "retrain",
    "evaluate_labelled",
)  # fmt: skip

JOBS: Mapping[str, tuple[str, ...]] = {
    job: tuple(asset for asset, spec in ASSETS.items() if job in spec.jobs) for job in _JOB_NAMES
}
"""The assets of each job, inputs first."""


def batch_inputs(asset: str) -> tuple[str, ...]:
    """Return the inputs of which an asset takes all batches: the partitioned ones of an asset that is not."""
    spec = ASSETS[asset]
    return () if spec.partitioned else tuple(name for name in spec.inputs if ASSETS[name].partitioned)
