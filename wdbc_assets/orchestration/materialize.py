"""Materialization of versioned assets.

A versioned asset is a plain function from the values of its inputs to its own value. This module adds the rest: it
skips up-to-date assets, loads verified inputs, validates the value, and stores it only if every blocking check passed.
(Dagster runs checks after the IO manager, when an invalid value would already be stored.)
"""

import inspect
import pkgutil
import time
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from wdbc_assets import logs, safe_text, settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.orchestration import checks, failures, resources
from wdbc_assets.orchestration.io_manager import STORED, Unchanged
from wdbc_assets.orchestration.metadata.manifest import describe_manifest
from wdbc_assets.pipeline import calls, code_versions, specs, staleness, validation
from wdbc_assets.pipeline.calls import External, NotModified
from wdbc_assets.pipeline.progress import Progress
from wdbc_assets.presentation import privacy
from wdbc_assets.store.checkpoints import Checkpoints
from wdbc_assets.store.manifest import DamagedStore, Manifest
from wdbc_assets.store.store import Handle, Store

FORCE_TAG = "wdbc/force"
UNCHANGED_KEY = "unchanged"


def versioned_asset(name: str) -> dg.AssetsDefinition:
    """Return the Dagster asset of a spec that is not promoted."""
    spec = specs.ASSETS[name]

    def compute(context: dg.AssetExecutionContext, **handles: Handle) -> Iterator[Any]:
        step = _Step(name, context, handles)
        with failures.as_dagster_failure(name, step.refuse):
            yield from step.run()

    return dg.asset(
        name=name,
        description=inspect.getdoc(pkgutil.resolve_name(spec.function)),
        group_name=spec.group,
        kinds=set(spec.kinds),
        owners=[spec.owner],
        code_version=code_versions.code_version(name),
        metadata={"dagster/column_schema": pkgutil.resolve_name(spec.columns)()} if spec.columns else None,
        ins={source: dg.AssetIn(dagster_type=STORED) for source in spec.inputs},
        config_schema=_config_schema(spec),
        check_specs=checks.specs(name),
        required_resource_keys={"store", "source"},
        output_required=False,
    )(compute)


def _config_schema(spec: specs.AssetSpec) -> dict[str, dg.Field]:
    # No defaults here: the UI would fill them in, and they would override the environment.
    kinds = {int: int, float: float, bool: bool}
    fields = spec.parameters.model_fields if spec.parameters else {}
    return {
        name: dg.Field(
            kinds.get(field.annotation, str),  # type: ignore[arg-type] # a look-up by type that may miss
            is_required=False,
            description=f"{field.description}. Default: the setting {settings.variable(name)}, or {field.default}.",
        )
        for name, field in fields.items()
    }


class _Step:
    """One execution of one versioned asset."""

    def __init__(
        self,
        name: str,
        context: dg.AssetExecutionContext,
        handles: Mapping[str, Handle],
    ) -> None:
        self.name = name
        self.context = context
        self.handles = handles
        self.inputs = {source: handle.manifest.version for source, handle in handles.items()}
        self.loaded: dict[str, Any] = {}
        self.show_values = False
        self.started = time.monotonic()
        self.checkpoints: Checkpoints | None = None

    def run(self) -> Iterator[Any]:
        config = settings.load()
        self.show_values = config.show_values
        logs.open_log(config.log, relative_to=settings.project_root())
        overrides = dict(self.context.op_execution_context.op_config or {})
        resources.refuse_recorded_credentials(overrides)
        parameters = staleness.resolved(self.name, config, overrides)
        store = self.store()
        current, why = self._why(store, parameters)
        reads_source = not self.inputs
        if current is not None and not why and not reads_source:
            yield from self._unchanged(store, current)
            return
        for reason in why:
            if reason != staleness.NEVER_MADE:
                self._log("%s runs: %s", self.name, reason)

        outcome = self._call(config, overrides, known=None if why else current)
        if isinstance(outcome, NotModified) and current is not None:
            yield from self._unchanged(store, current)
            return
        value, origin = (outcome.value, outcome.origin) if isinstance(outcome, External) else (outcome, None)

        where = f"{self.name}, from {origin['shown']}" if origin else self.name
        verdict = validation.validate(self.name, value, self.loaded, where=where)
        if verdict.refusal is not None:
            yield from checks.results(self.name, verdict.findings, show_values=self.show_values)
            raise verdict.refusal
        draft = store.draft(
            self.name,
            value,
            run_id=self.context.run.run_id,
            seconds=time.monotonic() - self.started,
            inputs=self.inputs,
            parameters=parameters,
            code_version=code_versions.code_version(self.name),
            checks=validation.manifest_entries(verdict.findings),
            origin=origin,
        )
        same = current is not None and current.version == draft.manifest.version
        yield self._result(store, draft, draft.manifest, self._described(value), unchanged=same)
        self._log_outcome(draft.manifest, unchanged=same)
        if self.checkpoints is not None:  # the value is stored by now
            self.checkpoints.clear_others()
        yield from checks.results(self.name, verdict.findings, show_values=self.show_values)

    def refuse(self, error: WdbcError) -> None:
        """Log the refusal, and record it in the store if possible."""
        logs.logger.error("%s refused: %s", self.name, error.what, extra=self._fields("refused") | {"error": error})
        try:
            self.store().note_refusal(self.name, run_id=self.context.run.run_id, reasons=[safe_text.redact(error.what)])
        except WdbcError:
            logs.logger.warning("%s: the refusal could not be recorded in the store", self.name)

    def store(self) -> Store:
        resource: resources.StoreResource = self.context.resources.store
        return resource.open()

    def _why(self, store: Store, parameters: Mapping[str, Any]) -> tuple[Manifest | None, list[str]]:
        try:
            current = store.current(self.name)
        except DamagedStore as error:
            return None, [error.what]
        why = staleness.reasons(
            store, current, inputs=self.inputs, parameters=parameters, code=code_versions.code_version(self.name)
        )
        if self._forced():
            why.append("forced")
        return current, why

    def _forced(self) -> bool:
        return self.context.run.tags.get(FORCE_TAG) == "true"

    def _checkpoints(self) -> Checkpoints:
        depends_on = [self.inputs, code_versions.checkpoints_version(self.name)]
        self.checkpoints = self.store().checkpoints(self.name, depends_on, fresh=self._forced())
        return self.checkpoints

    def _call(self, config: settings.Settings, overrides: Mapping[str, Any], *, known: Manifest | None) -> Any:
        kind = specs.ASSETS[self.name].parameters
        self.loaded = {source: handle.load() for source, handle in self.handles.items()}
        return calls.call(
            self.name,
            self.loaded,
            versions=self.inputs,
            parameters=settings.parameters_of(kind, config, overrides) if kind else None,
            source=self.context.resources.source,
            known=known,
            report=Progress(self.name, self._fields("progress")),
            effort=settings.Effort(workers=config.workers),
            checkpoints=self._checkpoints,
        )

    def _unchanged(self, store: Store, manifest: Manifest) -> Iterator[Any]:
        earlier = self.context.instance.get_latest_materialization_event(dg.AssetKey(self.name))
        event = earlier.asset_materialization if earlier else None
        known = event and (event.tags or {}).get("dagster/data_version") == manifest.version
        if event and known and privacy.holds_for(event.metadata, shown=self.show_values):
            described: dict[str, Any] = dict(event.metadata)
        else:  # this instance has no event of this version, or one with another setting for patients' values
            described = self._described(Handle(store, manifest).load())
        yield self._result(store, Unchanged(manifest), manifest, described, unchanged=True)
        self._log_outcome(manifest, unchanged=True)
        yield from checks.from_manifest(manifest)

    def _described(self, value: Any) -> dict[str, Any]:
        path = specs.ASSETS[self.name].describe
        described = pkgutil.resolve_name(path)(value) if path else {}
        return privacy.redact_description(described, shown=self.show_values)

    def _result(
        self, store: Store, value: object, manifest: Manifest, described: dict[str, Any], *, unchanged: bool
    ) -> dg.MaterializeResult[Any]:
        return dg.MaterializeResult(
            value=value,
            data_version=dg.DataVersion(manifest.version),
            metadata=described | describe_manifest(manifest, store.folder(manifest)) | {UNCHANGED_KEY: unchanged},
        )

    def _log_outcome(self, manifest: Manifest, *, unchanged: bool) -> None:
        """Log the outcome. Dagster resumes a step after its result only when the result is stored."""
        event = "unchanged" if unchanged else "made"
        self._log(
            "%s %s",
            self.name,
            event,
            **self._fields(event),
            rows=manifest.rows,
            seconds=round(time.monotonic() - self.started, 3),
            version=manifest.version,
        )

    def _log(self, message: str, *values: object, **fields: object) -> None:
        logs.logger.info(message, *values, extra=self._fields("note") | fields)

    def _fields(self, event: str) -> dict[str, Any]:
        return {"event": event, "asset": self.name, "run_id": self.context.run.run_id}
