"""The IO manager: Dagster's only access to the store.

Versioned assets write drafts and receive handles, so that an up-to-date asset reads nothing. Any other asset can use it
like an ordinary IO manager: it writes a value and receives verified values.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg

from wdbc_assets import logs, safe_text
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.registry.decision_log import Decision
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Draft, Handle, Store


@dataclass(frozen=True)
class Unchanged:
    """Output of an asset whose current version stays current."""

    manifest: Manifest


@dataclass(frozen=True)
class Promotion:
    """Output of a promotion: a bundle that replaces the champion it was compared with."""

    draft: Draft
    decision: Decision
    expected: str | None
    made_of: tuple[Manifest, ...]


def _name(context: dg.OutputContext | dg.InputContext) -> str:
    return "_".join(context.asset_key.path)


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


STORED = dg.PythonObjectDagsterType(Handle, name="Stored", description="A stored version, loaded lazily.")


class StoreIOManager(dg.ConfigurableIOManager):
    """Writes versions, moves pointers, and reads verified values."""

    store: dg.ResourceDependency[Any]

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Store a draft, promote a bundle, record an unchanged version, or store any other value without lineage."""
        with _as_failure(_name(context), context.run_id):
            store: Store = self.store.open()
            if isinstance(obj, Unchanged):
                store.keep(obj.manifest, run_id=context.run_id)
                return
            if isinstance(obj, Promotion):
                open_registry(store).promote(obj.draft, obj.decision, expected=obj.expected, made_of=obj.made_of)
                return
            draft = obj if isinstance(obj, Draft) else store.draft(_name(context), obj, run_id=context.run_id)
            if not store.commit(draft, run_id=context.run_id):
                context.log.warning(
                    "Another run replaced an input meanwhile: this version is stored, but does not become current."
                )

    def load_input(self, context: dg.InputContext) -> object:
        """Return the version made by this run, else the current one; as a handle if the input has that type."""
        run_id = _run_id(context)
        with _as_failure(_name(context), run_id or ""):
            store: Store = self.store.open()
            handle = store.handle(_name(context), run_id=run_id)
            return handle if context.dagster_type is STORED else handle.load()
