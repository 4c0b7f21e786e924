"""Materialization of versioned assets.

A versioned asset is a plain function from the values of its inputs to its own value. This module adds the rest: it
skips up-to-date assets, loads verified inputs, validates the value, and stores it only if every blocking check passed.
(Dagster runs checks after the IO manager, when an invalid value would already be stored.)
"""

import pkgutil
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from wdbc_assets import logs, safe_text, settings, sources
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring import outcome_files
from wdbc_assets.monitoring.batches import StoreAway
from wdbc_assets.orchestration import checks
from wdbc_assets.orchestration.instance import PROCESS_TAG
from wdbc_assets.orchestration.io_manager import NOT_CURRENT
from wdbc_assets.orchestration.step import Step
from wdbc_assets.pipeline import calls, code_versions, served_files, specs, staleness, validation
from wdbc_assets.pipeline.calls import External, NotModified
from wdbc_assets.pipeline.engines import choice
from wdbc_assets.pipeline.engines.engine import Engine
from wdbc_assets.pipeline.progress import Progress
from wdbc_assets.presentation import privacy
from wdbc_assets.registry import references, scoring_context
from wdbc_assets.store.checkpoints import Checkpoints
from wdbc_assets.store.manifest import DamagedStore, Manifest
from wdbc_assets.store.paths import CHAMPION
from wdbc_assets.store.store import Draft, Handle

if TYPE_CHECKING:
    from wdbc_assets.registry.audit_log import Entry

FORCE_TAG = "wdbc/force"
UNCHANGED_KEY = "unchanged"


class MaterializeStep(Step):
    """One execution of one versioned asset, or of one partition of it."""

    def __init__(
        self,
        name: str,
        context: dg.AssetExecutionContext,
        handles: Mapping[str, Handle],
        partition: str | None = None,
    ) -> None:
        super().__init__(name, context, staleness.as_evaluated(handles), partition)
        self.not_current = [source for source, handle in handles.items() if self.handles[source] != handle]
        self.inputs = {source: handle.manifest.version for source, handle in self.handles.items()}
        self.loaded: dict[str, Any] = {}
        self.earlier: list[Handle] = []
        self.by_batch: dict[str, list[Handle]] = {}
        self.rebase: Entry | None = None
        self.checkpoints: Checkpoints | None = None
        self.engine: Engine | None = None
        self.scoring_context = calls.ScoringContext()

    def materialize(self) -> Iterator[Any]:
        """Yield the value, or the current version if it is up to date, and the checks."""
        parameters = staleness.resolved(self.name, self.config, self.overrides)
        parameters |= self._compared()
        current, why = self._why(parameters)
        reads_source = not self.inputs and self.partition is None
        if current is not None and not why and not reads_source:
            yield from self._unchanged(current)
            return
        for reason in why:
            if reason != staleness.NEVER_MADE:
                self.note("%s runs: %s", self.subject, reason)

        outcome = self._call(known=None if why else current)
        if isinstance(outcome, NotModified) and current is not None:
            yield from self._unchanged(current)
            return
        if calls.takes_scoring_context(self.name):
            parameters |= self.scoring_context.stated()
        external = outcome if isinstance(outcome, External) else External(outcome, {})
        value, origin = external.value, external.origin or None

        where = f"{self.name}, from {origin['shown']}" if origin else self.name
        verdict = validation.validate(self.name, value, self.loaded, where=where)
        if verdict.refusal is not None:
            yield from checks.results(self.name, verdict.findings, show_values=self.config.show_values)
            raise sources.with_files(verdict.refusal, origin)
        draft = self.store.draft(
            self.name,
            value,
            run_id=self.context.run.run_id,
            seconds=time.monotonic() - self.started,
            inputs=self.inputs,
            parameters=parameters,
            code_version=code_versions.code_version(self.name, parameters),
            checks=validation.recorded(verdict.findings),
            origin=origin,
            partition=self.partition,
            machines=self.engine.used.machines if self.engine and self.engine.used else (),
        )
        described = self._described(value)
        same = current is not None and current.version == draft.manifest.version
        self._commit(draft, external)
        yield from self._stored(value, draft.manifest, described, unchanged=same)
        if self.checkpoints is not None:
            self.checkpoints.clear_others()
        yield from checks.results(self.name, verdict.findings, show_values=self.config.show_values)

    def refuse(self, error: WdbcError) -> None:
        """Log the refusal, and record it in the store if possible."""
        super().refuse(error)
        if isinstance(error, StoreAway):  # a note would begin a store in the place of the one that is away
            return
        batch = f"batch {self.partition}: " if self.partition else ""
        reasons = [safe_text.redact(f"{batch}{error.what}")]
        try:
            self.open_store().note_refusal(self.name, run_id=self.context.run.run_id, reasons=reasons)
        except WdbcError:
            logs.logger.warning("%s: the refusal could not be recorded in the store", self.name)

    def _why(self, parameters: Mapping[str, Any]) -> tuple[Manifest | None, list[str]]:
        try:
            current = self.store.current(self.name, self.partition)
        except DamagedStore as error:
            return None, [error.what]
        if current is None:
            self.store.require_not_removed(self.name, self.partition)
        assess = staleness.reasons if self.partition is None else staleness.batch_reasons
        why = assess(
            self.store,
            current,
            inputs=self.inputs,
            parameters=parameters,
            code=code_versions.code_version(self.name, parameters),
        )
        if self._forced():
            why.append("forced")
        return current, why

    def _compared(self) -> dict[str, str]:
        """Find the batches that the value depends on; return their digest, by which the manifest states them."""
        compared = {}
        if calls.takes_earlier(self.name):
            self.earlier = self._handles(self.name, before=self.partition)
            compared["earlier"] = _digest(self.earlier)
        if calls.takes_rebased(self.name):
            self.rebase = references.of_batch(self.store, self.partition)
            compared |= {"rebase": self.rebase.digest} if self.rebase else {}
        self.by_batch = {name: self._handles(name) for name in specs.batch_inputs(self.name)}
        return compared | {name: _digest(handles) for name, handles in self.by_batch.items()}

    def _handles(self, asset: str, *, before: str | None = None) -> list[Handle]:
        """Return the stored versions of the batches of an asset, or of those before one, oldest first."""
        names = [name for name in self.store.partitions(asset) if before is None or name < before]
        return [self.store.handle(asset, partition=name) for name in names]

    def _rebased(self) -> Any:
        """Return the reference that a person has accepted, with log-odds by the champion that scored the batch."""
        champion = self.handles["predictions"].manifest.inputs["champion"]
        return references.load(self.store, self.rebase, champion) if self.rebase else None

    def _recorded(self) -> tuple[str, Any] | None:
        """Return the current version of this asset and its value. Damage is an error: nothing starts over."""
        manifest = self.store.current(self.name, self.partition)
        return None if manifest is None else (manifest.version, self.store.value(manifest))

    def _stored_snapshot(self) -> sources.Snapshot | None:
        """Return the current version and its origin, from which a topic is read on. Damage is an error here, too."""
        manifest = self.store.current(self.name)
        if manifest is None or not manifest.origin:
            return None
        return sources.Snapshot(self.store.value(manifest), sources.Origin.from_json(manifest.origin))

    def _forced(self) -> bool:
        return self.context.run.tags.get(FORCE_TAG) == "true"

    def _checkpoints(self) -> Checkpoints:
        depends_on = [self.inputs, code_versions.checkpoints_version(self.name)]
        self.checkpoints = self.store.checkpoints(self.name, depends_on, fresh=self._forced())
        return self.checkpoints

    def _engine(self) -> Engine:
        self.engine = choice.engine(
            self.config, rows=max((handle.manifest.rows or 0 for handle in self.handles.values()), default=0)
        )
        return self.engine

    def _call(self, *, known: Manifest | None) -> Any:
        kind = specs.ASSETS[self.name].parameters
        if calls.takes_scoring_context(self.name):
            self.scoring_context = self._scoring_context()
        self.loaded = {source: handle.load() for source, handle in self.handles.items()}
        for source, handles in self.by_batch.items():
            self.loaded[source] = {handle.manifest.partition: handle.load() for handle in handles}
        return calls.call(
            self.name,
            self.loaded,
            versions=self.inputs,
            parameters=settings.parameters_of(kind, self.config, self.overrides) if kind else None,
            source=self.context.resources.source,
            known=known,
            report=Progress(self.name, self.fields("progress")),
            engine=self._engine,
            checkpoints=self._checkpoints,
            stored=self._stored_snapshot,
            partition=self.partition,
            inbox=self.context.resources.inbox.open() if self.partition else None,
            earlier=lambda: [handle.load() for handle in self.earlier],
            rebased=self._rebased,
            recorded=self._recorded,
            deliveries=outcome_files.open_files(),
            scoring_context=self.scoring_context,
            service=served_files.open_files(),
        )

    def _scoring_context(self) -> calls.ScoringContext:
        scoring = scoring_context.current(self.store, self.inputs[CHAMPION])
        if scoring.problem:
            self.note("%s: no earlier champion scores it too: %s", self.subject, scoring.problem)
        return scoring

    def _unchanged(self, manifest: Manifest) -> Iterator[Any]:
        event = self._latest_event()
        known = event and (event.tags or {}).get("dagster/data_version") == manifest.version
        if event and known and privacy.holds_for(event.metadata, shown=self.config.show_values):
            described: dict[str, Any] = dict(event.metadata)
        else:  # this instance has no event of this version, or one with another setting for patients' values
            described = self._described(Handle(self.store, manifest).load())
        self.store.keep(manifest, run_id=self.context.run.run_id)
        value = Handle(self.store, manifest).load() if self._hands_over_values() else None
        yield from self._stored(value, manifest, described, unchanged=True)
        yield from checks.from_manifest(manifest)

    def _latest_event(self) -> dg.AssetMaterialization | None:
        """Return the latest materialization of the asset, or of the partition, in Dagster's history."""
        partitions = None if self.partition is None else [self.partition]
        wanted = dg.AssetRecordsFilter(dg.AssetKey(self.name), asset_partitions=partitions)
        records = self.context.instance.fetch_materializations(wanted, limit=1).records
        return records[0].asset_materialization if records else None

    def _hands_over_values(self) -> bool:
        """Return whether the caller can ask for values, as after `dg.materialize`. The commands never do."""
        captured = self.context.op_execution_context.get_step_execution_context().output_capture is not None
        return captured and PROCESS_TAG not in self.context.run.tags

    def _described(self, value: Any) -> dict[str, Any]:
        path = specs.ASSETS[self.name].describe
        described = pkgutil.resolve_name(path)(value) if path else {}
        return privacy.redact_description(described, shown=self.config.show_values)

    def _commit(self, draft: Draft, external: External) -> None:
        """Store a version and make it current; then let the source of an external value put its files away."""
        self.require_store()  # again, because the value may have taken long
        run_id = self.context.run.run_id
        if self.store.commit(draft, run_id=run_id, continues=external.continues, earlier=self.not_current):
            external.acknowledge()
        elif external.continues is None:
            self.context.log.warning(NOT_CURRENT)
        else:
            raise WdbcError(
                f"another run changed {self.name} meanwhile", where=self.store.url, hint="Run again: nothing is lost."
            )

    def _stored(
        self, value: object, manifest: Manifest, described: Mapping[str, Any], *, unchanged: bool
    ) -> Iterator[dg.MaterializeResult[Any]]:
        inputs = {source: handle.manifest for source, handle in self.handles.items()}
        used = self.engine.used.stated() if self.engine and self.engine.used else {}
        yield self.result(value, manifest, {**described, **used, UNCHANGED_KEY: unchanged}, inputs)
        event = "unchanged" if unchanged else "made"
        self.log_outcome(event, "%s %s", self.subject, event, manifest=manifest)


def _digest(handles: list[Handle]) -> str:
    return calls.digest_of_batches(handle.manifest for handle in handles)
