"""Materialization of the promoted asset, the champion: only the promotion gate replaces it.

Unlike a versioned asset, it does not become out of date when its inputs change. Only a run that requests a promotion
compares a candidate: the job `promote`, or `promote: true` in the asset's configuration. The run stores the evidence
and records the verdict as an observation. It yields a value only if the candidate is promoted, and the store accepts it
only if the champion is still the one it was compared with. Any other run records the champion as unchanged.

The asset's check covers production, not candidates: a rejected candidate leaves a healthy champion healthy.
"""

import inspect
import pkgutil
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from wdbc_assets import logs, settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.promotion import gate
from wdbc_assets.domain.rules import findings
from wdbc_assets.orchestration import checks, failures, resources
from wdbc_assets.orchestration.io_manager import Promotion, Unchanged
from wdbc_assets.orchestration.metadata.champion import describe_champion, describe_verdict
from wdbc_assets.orchestration.metadata.manifest import describe_manifest
from wdbc_assets.pipeline import code_versions, specs
from wdbc_assets.registry import candidate as registry_candidate
from wdbc_assets.registry.registry import Decision, open_registry
from wdbc_assets.store.manifest import DamagedStore
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    from wdbc_assets.domain.promotion.gate import Verdict

PROMOTION_JOB = "promote"

CONFIG = {
    "promote": dg.Field(
        bool,
        is_required=False,
        description="Compare the candidate with the champion, and promote it if it passes the gate. Default: true in"
        " the job promote, else false.",
    ),
    "candidate": dg.Field(
        str,
        is_required=False,
        description="Version of fitted_pipeline to promote, or its first digits. Default: the current version.",
    ),
    "force": dg.Field(
        bool, is_required=False, default_value=False, description="Promote against the verdict. Requires a reason."
    ),
    "reason": dg.Field(
        str, is_required=False, default_value="", description="Reason to record in the promotion history."
    ),
}


def promoted_asset(name: str) -> dg.AssetsDefinition:
    """Return the Dagster asset of a promoted spec."""
    spec = specs.ASSETS[name]

    def compute(context: dg.AssetExecutionContext) -> Iterator[Any]:
        step = _Step(name, context)
        with failures.as_dagster_failure(name, step.refuse):
            yield from step.run()

    return dg.asset(
        name=name,
        description=inspect.getdoc(pkgutil.resolve_name(spec.function)),
        group_name=spec.group,
        kinds=set(spec.kinds),
        owners=[spec.owner],
        code_version=code_versions.code_version(name),
        deps=list(spec.inputs),  # only a promotion reads them, possibly in earlier versions
        config_schema=CONFIG,
        check_specs=checks.specs(name),
        required_resource_keys={"store"},
        output_required=False,
    )(compute)


class _Step:
    """One execution: a comparison, or a record that the champion is unchanged."""

    def __init__(self, name: str, context: dg.AssetExecutionContext) -> None:
        self.name = name
        self.context = context
        self.started = time.monotonic()

    def refuse(self, error: WdbcError) -> None:
        """Log a refusal."""
        logs.logger.error("%s refused: %s", self.name, error.what, extra=self.fields("refused") | {"error": error})

    def run(self) -> Iterator[Any]:
        project_settings = settings.load()
        logs.open_log(project_settings.log, relative_to=settings.project_root())
        config = dict(self.context.op_execution_context.op_config)
        resource: resources.StoreResource = self.context.resources.store
        store = resource.open()
        if self._asks_for_promotion(config):
            yield from self._decide(store, config, project_settings.acting_as())
        else:
            yield from self._unchanged(store)
        yield from self._health(store)

    def _asks_for_promotion(self, config: Mapping[str, Any]) -> bool:
        asked = bool(config.get("promote", self.context.run.job_name == PROMOTION_JOB))
        if config["force"] and not (asked and config["reason"].strip()):
            raise WdbcError(
                "a promotion against the verdict requires `promote: true` and a reason",
                where="configuration of champion",
                hint='Give the reason to record in the history: `wdbc promote --force --reason "..."`.',
            )
        return asked

    def _decide(self, store: Store, config: Mapping[str, Any], actor: str) -> Iterator[Any]:
        """Compare the candidate with the champion, and yield a value if it is promoted."""
        try:
            case = registry_candidate.gather(store, config.get("candidate"), run_id=self.context.run.run_id)
            verdict = None if case.is_champion else case.compare()
            if verdict is not None and (verdict.promoted or config["force"]):
                case.require_policy()
        except DamagedStore:
            raise
        except WdbcError as error:  # missing evidence says nothing about the health of production
            self.refuse(error)
            self._observe("not compared", {"verdict": f"not compared: {error.what}", "hint": error.hint})
            return
        if verdict is None:
            yield from self._unchanged(store)
            return
        forced = config["force"] and not verdict.promoted
        decision = Decision(
            actor=actor,
            run_id=self.context.run.run_id,
            candidate=case.version,
            recipe=case.recipe,
            verdict=verdict.name,
            evidence=open_registry(store).keep_evidence(case.document(verdict)),
            reason=config["reason"].strip() or verdict.reason,
            forced=forced,
        )
        if verdict.promoted or forced:
            promoted = self._promotion(store, case, verdict, decision)
            yield promoted
            # Dagster resumes the step after its result only when the bundle is stored and the champion replaced.
            self._log("made", "champion promoted", rows=None, version=promoted.value.draft.manifest.version)
        else:
            open_registry(store).keep(decision, expected=case.standing.version)
            self._log("kept", f"the champion stays: {verdict.name}")
        self._observe(verdict.name, describe_verdict(verdict))

    def _promotion(
        self, store: Store, case: registry_candidate.Case, verdict: "Verdict", decision: Decision
    ) -> dg.MaterializeResult[Any]:
        versions = {name: manifest.version for name, manifest in case.manifests.items()}
        bundle = case.bundle()
        draft = store.draft(
            self.name,
            bundle,
            run_id=self.context.run.run_id,
            seconds=time.monotonic() - self.started,
            inputs=versions,
            code_version=code_versions.code_version(self.name),
        )
        manifest = draft.manifest
        return dg.MaterializeResult(
            value=Promotion(draft, decision, case.standing.version, tuple(case.manifests.values())),
            data_version=dg.DataVersion(manifest.version),
            metadata=describe_champion(bundle, verdict, decision) | describe_manifest(manifest, store.folder(manifest)),
        )

    def _unchanged(self, store: Store) -> Iterator[dg.MaterializeResult[Any]]:
        """Record the champion as unchanged, or log that there is none."""
        standing = open_registry(store).standing()
        manifest = standing.manifest
        if manifest is None and standing.problems:  # reported by the check
            return
        if manifest is None:
            logs.logger.warning(
                "no champion is in production: promote a candidate with the job promote, with `wdbc promote`, or with"
                " `promote: true` in the configuration of %s",
                self.name,
                extra=self.fields("note"),
            )
            return
        yield dg.MaterializeResult(
            value=Unchanged(manifest),
            data_version=dg.DataVersion(manifest.version),
            metadata={"recipe": standing.recipe or "unknown"} | describe_manifest(manifest, store.folder(manifest)),
        )
        self._log("unchanged", "champion unchanged", rows=None, version=manifest.version)

    def _health(self, store: Store) -> Iterator[dg.AssetCheckResult]:
        """Check the health of production, independent of any candidate."""
        standing = open_registry(store).standing()
        promoted = standing.promotion
        breaches = list(standing.problems)
        if promoted is not None and promoted.forced:
            breaches.append(f"forced by {promoted.actor}, against the verdict {promoted.verdict}: {promoted.reason}")
        yield from checks.results(self.name, [findings.from_lines(gate.production_is_healthy, breaches)])

    def _observe(self, verdict: str, described: dict[str, Any]) -> None:
        """Record a verdict as an observation, which does not affect the health of the champion."""
        self.context.log_event(dg.AssetObservation(self.name, description=f"verdict: {verdict}", metadata=described))

    def _log(self, event: str, message: str, **fields: object) -> None:
        seconds = round(time.monotonic() - self.started, 3)
        logs.logger.info(message, extra=self.fields(event) | {"seconds": seconds} | fields)

    def fields(self, event: str) -> dict[str, Any]:
        return {"event": event, "asset": self.name, "run_id": self.context.run.run_id}
