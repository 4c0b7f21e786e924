"""The IO managers: how Dagster reads and writes values of the store.

Every value that they read is verified. The assets of the asset table are stored by their own step, with their lineage,
and receive handles, so that an up-to-date asset reads nothing. Any other asset can use the store like an ordinary IO
manager.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import dagster as dg

from wdbc_assets import logs, safe_text
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store.store import Handle, Store


def _name(context: dg.OutputContext | dg.InputContext) -> str:
    return "_".join(context.asset_key.path)


def _partition(context: dg.OutputContext | dg.InputContext) -> str | None:
    return context.asset_partition_key if context.has_asset_partitions else None


def _run_id(context: dg.InputContext) -> str | None:
    """Return the run that loads the input, or None outside of a run, as for `load_asset_value`."""
    try:
        # Not upstream_output.run_id: for an input that this run does not make, Dagster puts a placeholder there.
        return context.step_context.run_id
    except dg.DagsterInvariantViolationError:
        return None


@contextlib.contextmanager
def _as_failure(asset: str, run_id: str) -> Iterator[None]:
    # A user's error needs no stack trace, and a retry does not fix it.
    try:
        yield
    except WdbcError as error:
        fields = {"event": "refused", "asset": asset, "run_id": run_id, "error": error}
        logs.logger.error("%s: %s", asset, error.what, extra=fields)
        raise dg.Failure(description=safe_text.redact(str(error)), allow_retries=False) from None


NOT_CURRENT = "Another run replaced an input meanwhile: this version is stored, but does not become current."
STORED = dg.PythonObjectDagsterType(Handle, name="Stored", description="A stored version, loaded lazily.")


class StoreIOManager(dg.ConfigurableIOManager):
    """Stores the values of any asset, and reads verified values."""

    store: dg.ResourceDependency[Any]

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Store a value, without lineage."""
        with _as_failure(_name(context), context.run_id):
            store: Store = self.store.open()
            draft = store.draft(_name(context), obj, run_id=context.run_id, partition=_partition(context))
            if not store.commit(draft, run_id=context.run_id):
                context.log.warning(NOT_CURRENT)

    def load_input(self, context: dg.InputContext) -> object:
        """Return the version made by this run, else the current one; as a handle if the input has that type."""
        run_id = _run_id(context)
        with _as_failure(_name(context), run_id or ""):
            store: Store = self.store.open()
            handle = store.handle(_name(context), run_id=run_id, partition=_partition(context))
            return handle if context.dagster_type is STORED else handle.load()


class StepIOManager(StoreIOManager):
    """Reads the values of the assets whose steps store them."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Do nothing: the step has stored the value."""
