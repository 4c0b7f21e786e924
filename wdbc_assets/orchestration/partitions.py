"""Materialization of partitioned assets: one version for each incoming batch.

A run usually selects one batch. A backfill selects several, and one run makes them all; Dagster then records one
materialization for each, and one evaluation of each check for all of them.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import dagster as dg

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.orchestration.materialize import MaterializeStep
from wdbc_assets.orchestration.step import Step
from wdbc_assets.pipeline import specs, staleness
from wdbc_assets.store.store import Handle

BATCH = "batch"
BATCHES = dg.DynamicPartitionsDefinition(name=BATCH)
"""The incoming batches. A partition is added when a file is claimed in the inbox."""


class PartitionsStep(Step):
    """One execution of a partitioned asset, for the batches that a run selects."""

    def materialize(self) -> Iterator[Any]:
        """Materialize each batch, oldest first; yield what Dagster records."""
        if not self.context.has_partition_key and not self.context.has_partition_key_range:
            raise WdbcError(
                f"{self.name} is made for a batch, and this run selects none",
                where="the run's partitions",
                hint="Select batches in the UI, or run `wdbc monitor`. Other assets need no batch: leave this one out.",
            )
        batches = sorted(self.context.partition_keys)
        if len(batches) == 1:
            yield from self._step(batches[0]).run()
            return
        evaluations = defaultdict[str, list[dg.AssetCheckResult]](list)
        for batch in batches:
            for event in self._step(batch).run():
                if isinstance(event, dg.MaterializeResult):
                    self.context.add_asset_metadata(event.metadata or {}, asset_key=self.name, partition_key=batch)
                else:
                    evaluations[event.check_name].append(event)
        yield dg.MaterializeResult()
        yield from (_together(results) for results in evaluations.values())

    def refuse(self, error: WdbcError) -> None:
        """Log the refusal, and record it in the store, for the batch that was refused."""
        MaterializeStep(self.name, self.context, {}, self.partition).refuse(error)

    def _step(self, batch: str) -> MaterializeStep:
        self.partition = batch
        inputs = {name: self._input(name, batch) for name in specs.ASSETS[self.name].inputs}
        return MaterializeStep(self.name, self.context, inputs, batch)

    def _input(self, name: str, batch: str) -> Handle:
        """Return the version of an input that belongs to a batch."""
        partition = batch if specs.ASSETS[name].partitioned else None
        staleness.require_made(self.store, name, partition)
        return self.store.handle(name, run_id=self.context.run.run_id, partition=partition)


def _together(results: list[dg.AssetCheckResult]) -> dg.AssetCheckResult:
    """Return the evaluation of a check for several batches: it passed if it passed for each of them."""
    failed = [result for result in results if not result.passed]
    failures = sum(int(getattr(result.metadata["failures"], "value", 0)) for result in results)
    return (failed or results)[0]._replace(
        description=f"failed for {len(failed)} of {len(results)} batches" if failed else "holds",
        metadata={"failures": dg.MetadataValue.int(failures)},
    )
