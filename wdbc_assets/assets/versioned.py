"""The mechanism that every asset of this project shares, so that an asset itself can be a sentence.

A versioned asset is a plain function from the values of its inputs to its own value. Around it: skip what is up to
date, read the inputs verified, judge the value by its contract, and hand it to the store only if every blocking check
passed.
(Dagster runs the checks after the IO manager: a value that fails them would already be stored.)
"""

import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from wdbc_assets import checks, freshness, lineage, logs, metadata, resources, settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.storage.io_manager import STORED, Kept
from wdbc_assets.storage.passport import DamagedStore, Passport
from wdbc_assets.storage.store import Handle, Store
from wdbc_assets.storage.workbench import Workbench

FORCE_TAG = "wdbc/force"
UNCHANGED_KEY = "unchanged"
_SECONDS_BETWEEN_REPORTS = 1.0
_WORTH_SAYING_SECONDS = 5.0


@dataclass(frozen=True)
class FromOutside:
    """A value that came from outside, with where it came from."""

    value: Any
    origin: Mapping[str, Any]


class StillTheSame:
    """What an asset returns when the source says that the known version is still current."""


def versioned_asset(
    *,
    kinds: set[str],
    owners: list[str],
    describe: Callable[[Any], dict[str, Any]],
    columns: dg.TableSchema | None = None,
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Make a function into an asset whose versions are kept.

    The name, inputs, parameters and code version come from the function's row in `lineage.DERIVATIONS`. The function
    may ask for any of: its inputs by name, `parameters`, `source`, `known` (passport of a current version that is
    up to date but for the source), `report` (progress: a message, and how many of how many are done), `effort` (what
    it may use), `workbench` (where finished parts of long work are kept).
    """

    def decorate(function: Callable[..., Any]) -> dg.AssetsDefinition:
        name = function.__name__
        derivation = lineage.DERIVATIONS[name]

        def compute(context: dg.AssetExecutionContext, **handles: Handle) -> Iterator[Any]:
            step = _Step(name, function, describe, context, handles)
            try:
                yield from step.run()
            except WdbcError as error:
                step.refuse(error)
                raise dg.Failure(
                    description=str(error),
                    metadata={"what": error.what, "where": error.where, "mend": error.mend},
                    allow_retries=False,
                ) from None

        return dg.asset(
            name=name,
            description=inspect.getdoc(function),
            group_name=function.__module__.rpartition(".")[2],
            kinds=kinds,
            owners=owners,
            code_version=lineage.code_version(name),
            metadata={"dagster/column_schema": columns} if columns else None,
            ins={source: dg.AssetIn(dagster_type=STORED) for source in derivation.inputs},
            config_schema=_config_schema(derivation),
            check_specs=checks.specs(name),
            required_resource_keys={"store", "source"},
            output_required=False,
        )(compute)

    return decorate


def _config_schema(derivation: lineage.Derivation) -> dict[str, dg.Field]:
    # No defaults here: the UI would fill them in, and they would overrule the environment.
    kinds = {int: int, float: float, bool: bool}
    fields = derivation.parameters.model_fields if derivation.parameters else {}
    return {
        name: dg.Field(
            kinds.get(field.annotation, str),  # type: ignore[arg-type] # a look-up by type that may miss
            is_required=False,
            description=f"{field.description}. Unset: {settings.variable(name)}, or {field.default}.",
        )
        for name, field in fields.items()
    }


class _Step:
    """One execution of one versioned asset."""

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        describe: Callable[[Any], dict[str, Any]],
        context: dg.AssetExecutionContext,
        handles: Mapping[str, Handle],
    ) -> None:
        self.name = name
        self.function = function
        self.describe = describe
        self.context = context
        self.handles = handles
        self.inputs = {source: handle.passport.version for source, handle in handles.items()}
        self.loaded: dict[str, Any] = {}
        self.started = time.monotonic()
        self.reported = 0.0
        self.paced: tuple[float, int] | None = None
        self.bench: Workbench | None = None

    def run(self) -> Iterator[Any]:
        chosen = settings.load()
        logs.open_log(chosen.log, relative_to=settings.project_root())
        overrides = dict(self.context.op_execution_context.op_config or {})
        resources.refuse_recorded_credentials(overrides)
        parameters = freshness.resolved(self.name, chosen, overrides)
        store = self.store()
        current, why = self._why(store, parameters)
        asks_outside = not self.inputs
        if current is not None and not why and not asks_outside:
            yield from self._unchanged(store, current)
            return
        for reason in why:
            if reason != freshness.NEVER_MADE:
                self._log("%s runs: %s", self.name, reason)

        outcome = self._call(chosen, overrides, known=None if why else current)
        if isinstance(outcome, StillTheSame) and current is not None:
            yield from self._unchanged(store, current)
            return
        value, origin = (outcome.value, outcome.origin) if isinstance(outcome, FromOutside) else (outcome, None)

        where = f"{self.name}, from {origin['shown']}" if origin else self.name
        verdict = checks.judge(self.name, value, self.loaded, where=where)
        if verdict.refusal is not None:
            yield from checks.results(self.name, verdict.findings)
            raise verdict.refusal
        draft = store.draft(
            self.name,
            value,
            run_id=self.context.run.run_id,
            seconds=time.monotonic() - self.started,
            inputs=self.inputs,
            parameters=parameters,
            code_version=lineage.code_version(self.name),
            checks=checks.stated(verdict.findings),
            origin=origin,
        )
        same = current is not None and current.version == draft.passport.version
        yield self._result(store, draft, draft.passport, self.describe(value), unchanged=same)
        if self.bench is not None:  # the value is stored by now
            self.bench.clear_others()
        yield from checks.results(self.name, verdict.findings)

    def refuse(self, error: WdbcError) -> None:
        """Log the refusal and leave a note of it in the store, if the store can take one."""
        logs.logger.error("%s refused: %s", self.name, error.what, extra=self._fields("refused") | {"error": error})
        try:
            self.store().note_refusal(self.name, run_id=self.context.run.run_id, reasons=[error.what])
        except WdbcError:
            logs.logger.warning("%s: the refusal could not be noted in the store", self.name)

    def store(self) -> Store:
        resource: resources.StoreResource = self.context.resources.store
        return resource.open()

    def _why(self, store: Store, parameters: Mapping[str, Any]) -> tuple[Passport | None, list[str]]:
        try:
            current = store.current(self.name)
        except DamagedStore as error:
            return None, [error.what]
        why = freshness.reasons(
            store, current, inputs=self.inputs, parameters=parameters, code=lineage.code_version(self.name)
        )
        if self._forced():
            why.append("forced")
        return current, why

    def _forced(self) -> bool:
        return self.context.run.tags.get(FORCE_TAG) == "true"

    def _workbench(self) -> Workbench:
        depends_on = [self.inputs, lineage.parts_version(self.name)]
        self.bench = self.store().workbench(self.name, depends_on, anew=self._forced())
        return self.bench

    def _call(self, chosen: settings.Settings, overrides: Mapping[str, Any], *, known: Passport | None) -> Any:
        kind = lineage.DERIVATIONS[self.name].parameters
        offers: dict[str, Callable[[], Any]] = {
            "parameters": lambda: kind and settings.parameters_of(kind, chosen, overrides),
            "source": lambda: self.context.resources.source,
            "known": lambda: known,
            "report": lambda: self._report,
            "effort": lambda: settings.Effort(workers=chosen.workers),
            "workbench": self._workbench,
        }
        self.loaded = {source: handle.load() for source, handle in self.handles.items()}
        asked = inspect.signature(self.function).parameters
        return self.function(**{name: self.loaded[name] if name in self.loaded else offers[name]() for name in asked})

    def _unchanged(self, store: Store, passport: Passport) -> Iterator[Any]:
        earlier = self.context.instance.get_latest_materialization_event(dg.AssetKey(self.name))
        event = earlier.asset_materialization if earlier else None
        if event and (event.tags or {}).get("dagster/data_version") == passport.version:
            described: dict[str, Any] = dict(event.metadata)
        else:  # an instance that has not seen this version made
            described = self.describe(Handle(store, passport).load())
        yield self._result(store, Kept(passport), passport, described, unchanged=True)
        yield from checks.restated(passport)

    def _result(
        self, store: Store, value: object, passport: Passport, described: dict[str, Any], *, unchanged: bool
    ) -> dg.MaterializeResult[Any]:
        self._log(
            "%s %s",
            self.name,
            "unchanged" if unchanged else "made",
            **self._fields("unchanged" if unchanged else "made"),
            rows=passport.rows,
            seconds=round(time.monotonic() - self.started, 3),
            version=passport.version,
        )
        return dg.MaterializeResult(
            value=value,
            data_version=dg.DataVersion(passport.version),
            metadata=described | metadata.of_passport(passport, store.folder(passport)) | {UNCHANGED_KEY: unchanged},
        )

    def _report(self, message: str, done: int | None = None, total: int | None = None) -> None:
        # Each record becomes a row in Dagster's database: once a second is often enough to see that work goes on.
        now = time.monotonic()
        if total is not None and done != total and now - self.reported < _SECONDS_BETWEEN_REPORTS:
            return
        self.reported = now
        counted = f"{message} {done}/{total}" if total is not None else message
        if done is not None and total is not None:
            counted += self._time_left(done, total, now)
        logs.logger.info("%s: %s", self.name, counted, extra=self._fields("progress") | {"progress": counted})

    def _time_left(self, done: int, total: int, now: float) -> str:
        """Say how long the rest takes at the pace since the first report, once that is worth saying."""
        self.paced = self.paced or (now, done)
        since, done_then = self.paced
        if done in (total, done_then):
            return ""
        seconds = (now - since) / (done - done_then) * (total - done)
        return f", {seconds:.0f} s left" if seconds >= _WORTH_SAYING_SECONDS else ""

    def _log(self, message: str, *values: object, **fields: object) -> None:
        logs.logger.info(message, *values, extra=self._fields("note") | fields)

    def _fields(self, event: str) -> dict[str, Any]:
        return {"event": event, "asset": self.name, "run_id": self.context.run.run_id}
