"""The Dagster assets: one for each entry of the table in `pipeline.specs`."""

import inspect
import pkgutil
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg

from wdbc_assets.orchestration import checks, config, partitions, promote, step_errors
from wdbc_assets.orchestration.io_manager import STORED
from wdbc_assets.orchestration.materialize import MaterializeStep
from wdbc_assets.orchestration.partitions import PartitionsStep
from wdbc_assets.orchestration.promote import PromoteStep
from wdbc_assets.orchestration.retrain import RetrainStep
from wdbc_assets.orchestration.step import Step
from wdbc_assets.pipeline import code_versions, specs
from wdbc_assets.store.store import Handle

# Eager, but not after a run that found an input unchanged.
_WHEN_CONTENT_CHANGES = dg.AutomationCondition.eager().replace(
    "newly_updated", dg.AutomationCondition.data_version_changed()
)


def asset(name: str) -> dg.AssetsDefinition:
    """Return the Dagster asset of an entry of the asset table."""
    spec = specs.ASSETS[name]
    step_type = _step_type(spec)

    def compute(context: dg.AssetExecutionContext, **handles: Handle) -> Iterator[Any]:
        step = step_type(name, context, handles)
        with step_errors.as_dagster_failure(name, step.refuse):
            yield from step.run()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # Dagster 1.13 calls a backfill policy a beta feature
        decorated = _decorator(name, spec)
    return decorated(compute)


def _step_type(spec: specs.AssetSpec) -> type[Step]:
    if spec.promoted:
        return PromoteStep
    if spec.retrains:
        return RetrainStep
    return PartitionsStep if spec.partitioned else MaterializeStep


def _decorator(name: str, spec: specs.AssetSpec) -> Callable[..., dg.AssetsDefinition]:
    # The assets of a promotion or a batch find their inputs in the store themselves: the one possibly in earlier
    # versions, the other in the version of each batch. So does any asset with an input of which it takes all batches.
    not_loaded = spec.inputs if spec.promoted or spec.partitioned else specs.batch_inputs(name)
    return dg.asset(
        name=name,
        description=inspect.getdoc(pkgutil.resolve_name(spec.function)),
        group_name=spec.group,
        kinds=set(spec.kinds),
        owners=[spec.owner],
        code_version=code_versions.code_version(name),
        metadata={"dagster/column_schema": pkgutil.resolve_name(spec.columns)()} if spec.columns else None,
        ins={source: dg.AssetIn(dagster_type=STORED) for source in spec.inputs if source not in not_loaded},
        deps=list(not_loaded),
        config_schema=promote.CONFIG if spec.promoted else config.schema(spec.parameters),
        check_specs=checks.specs(name),
        required_resource_keys={"store", "source", "inbox"},
        io_manager_key="step_io_manager",
        automation_condition=_WHEN_CONTENT_CHANGES if spec.eager else None,
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=spec.due) if spec.due else None,
        partitions_def=partitions.BATCHES if spec.partitioned else None,
        backfill_policy=dg.BackfillPolicy.single_run() if spec.partitioned else None,
        output_required=False,
    )


ASSETS = [asset(name) for name in specs.ASSETS]
