"""One execution of one asset: what versioned and promoted assets have in common."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from wdbc_assets import logs, settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring import batches
from wdbc_assets.orchestration import resources
from wdbc_assets.orchestration.metadata.manifest import describe_manifest
from wdbc_assets.pipeline import specs
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Handle, Store


class Step(ABC):
    """One execution of one asset.

    Attributes:
        name: Name of the asset.
        context: Dagster's context.
        handles: The inputs, not yet read.
        config: The current settings.
        overrides: The run's configuration of the asset.
        store: The store.
        partition: The incoming batch, if the asset is partitioned.
    """

    def __init__(
        self,
        name: str,
        context: dg.AssetExecutionContext,
        handles: Mapping[str, Handle],
        partition: str | None = None,
    ) -> None:
        self.name = name
        self.context = context
        self.handles = handles
        self.partition = partition
        self.started = time.monotonic()

    def run(self) -> Iterator[Any]:
        """Load settings, open log and store, and materialize the asset; yield what Dagster records."""
        self.config = settings.load()
        logs.open_log(self.config.log, relative_to=settings.project_root())
        self.overrides: dict[str, Any] = dict(self.context.op_execution_context.op_config or {})
        resources.refuse_recorded_credentials(self.overrides)
        self.store = self.open_store()
        self.require_store()
        yield from self.materialize()

    @property
    def subject(self) -> str:
        """The asset, and the batch if it is made for one."""
        return f"{self.name} of batch {self.partition}" if self.partition else self.name

    @abstractmethod
    def materialize(self) -> Iterator[Any]:
        """Materialize the asset; yield results, checks and observations."""

    def refuse(self, error: WdbcError) -> None:
        """Log a refusal."""
        logs.logger.error("%s refused: %s", self.subject, error.what, extra=self.fields("refused") | {"error": error})

    def require_store(self) -> None:
        """Raise `StoreAway` before a delivery would be stored in a store that was moved or emptied."""
        if specs.ASSETS[self.name].group == "monitoring":
            batches.require_store(self.store, self.context.resources.inbox.open())

    def open_store(self) -> Store:
        """Return the store of the run."""
        resource: resources.StoreResource = self.context.resources.store
        return resource.open()

    def result(
        self, value: object, manifest: Manifest, described: Mapping[str, Any], inputs: Mapping[str, Manifest]
    ) -> dg.MaterializeResult[Any]:
        """Return the result that Dagster records, once the value is stored."""
        return dg.MaterializeResult(
            value=value,
            data_version=dg.DataVersion(manifest.version),
            metadata={**described, **describe_manifest(manifest, self.store.folder(manifest), inputs)},
        )

    def log_outcome(self, event: str, message: str, *values: object, manifest: Manifest | None = None) -> None:
        """Log the outcome, once Dagster has recorded the result."""
        stored = {"rows": manifest.rows, "version": manifest.version} if manifest else {}
        seconds = round(time.monotonic() - self.started, 3)
        logs.logger.info(message, *values, extra=self.fields(event) | {"seconds": seconds} | stored)

    def note(self, message: str, *values: object) -> None:
        """Log a note."""
        logs.logger.info(message, *values, extra=self.fields("note"))

    def fields(self, event: str) -> dict[str, Any]:
        """Return the fields of a log record."""
        named = {"event": event, "asset": self.name, "run_id": self.context.run.run_id}
        return named | ({"partition": self.partition} if self.partition else {})
