"""Materialization of the promoted asset, the champion: only the promotion gate replaces it.

Unlike a versioned asset, it does not become out of date when its inputs change. Only a run that requests a promotion
compares a candidate: the job `promote`, or `promote: true` in the asset's configuration. The run stores the evidence
and records the verdict as an observation. It yields a value only if the candidate is promoted, and the store accepts it
only if the champion is still the one it was compared with. Any other run records the champion as unchanged.

The asset's check covers production, not candidates: a rejected candidate leaves a healthy champion healthy.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from wdbc_assets import logs
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.promotion import gate
from wdbc_assets.domain.rules import findings
from wdbc_assets.orchestration import checks
from wdbc_assets.orchestration.metadata import parts
from wdbc_assets.orchestration.metadata.champion import describe_champion, describe_verdict
from wdbc_assets.orchestration.step import Step
from wdbc_assets.pipeline import code_versions
from wdbc_assets.registry import candidate as registry_candidate
from wdbc_assets.registry import policies
from wdbc_assets.registry.decision_log import Decision
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.manifest import DamagedStore

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


class PromoteStep(Step):
    """One execution: a comparison, or a record that the champion is unchanged."""

    def materialize(self) -> Iterator[Any]:
        """Yield a promoted candidate or the unchanged champion, and the check of production."""
        if self._asks_for_promotion():
            yield from self._decide()
        else:
            yield from self._unchanged()
        yield from self._health()

    def _asks_for_promotion(self) -> bool:
        config = self.overrides
        asked = bool(config.get("promote", self.context.run.job_name == PROMOTION_JOB))
        if config["force"] and not (asked and config["reason"].strip()):
            raise WdbcError(
                "a promotion against the verdict requires `promote: true` and a reason",
                where="configuration of champion",
                hint='Give the reason to record in the history: `wdbc promote --force --reason "..."`.',
            )
        return asked

    def _decide(self) -> Iterator[Any]:
        """Compare the candidate with the champion, and yield a value if it is promoted."""
        config = self.overrides
        try:
            case = registry_candidate.gather(self.store, config.get("candidate"), run_id=self.context.run.run_id)
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
            yield from self._unchanged()
            return
        forced = config["force"] and not verdict.promoted
        decision = Decision(
            actor=self.config.acting_as(),
            run_id=self.context.run.run_id,
            candidate=case.version,
            recipe=case.recipe,
            verdict=verdict.name,
            evidence=open_registry(self.store).keep_evidence(case.document(verdict)),
            reason=config["reason"].strip() or verdict.reason,
            forced=forced,
        )
        if verdict.promoted or forced:
            yield from self._promote(case, verdict, decision)
        else:
            open_registry(self.store).keep(decision, expected=case.standing.version)
            self.log_outcome("kept", f"the champion stays: {verdict.name}")
        self._observe(verdict.name, describe_verdict(verdict))

    def _promote(
        self, case: registry_candidate.Case, verdict: "Verdict", decision: Decision
    ) -> Iterator[dg.MaterializeResult[Any]]:
        """Replace the champion by the candidate, if the champion is still the one that it was compared with."""
        versions = {name: manifest.version for name, manifest in case.decided_by.items()}
        bundle = case.bundle()
        draft = self.store.draft(
            self.name,
            bundle,
            run_id=self.context.run.run_id,
            seconds=time.monotonic() - self.started,
            inputs=versions,
            code_version=code_versions.code_version(self.name),
        )
        made_of = tuple(case.decided_by.values())
        open_registry(self.store).promote(draft, decision, expected=case.standing.version, made_of=made_of)
        described = describe_champion(bundle, verdict, decision)
        if lost := policies.lost(case.standing):
            described["warning"] = lost
        yield self.result(bundle, draft.manifest, described, case.decided_by)
        self.log_outcome("made", "champion promoted", manifest=draft.manifest)

    def _unchanged(self) -> Iterator[dg.MaterializeResult[Any]]:
        """Record the champion as unchanged, or log that there is none."""
        standing = open_registry(self.store).standing()
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
        self.store.keep(manifest, run_id=self.context.run.run_id)
        yield self.result(None, manifest, {"recipe": standing.recipe or "unknown"}, {})
        self.log_outcome("unchanged", "champion unchanged", manifest=manifest)

    def _health(self) -> Iterator[dg.AssetCheckResult]:
        """Check the health of production, independent of any candidate."""
        standing = open_registry(self.store).standing()
        promoted = standing.promotion
        breaches = list(standing.problems)
        if promoted is not None and promoted.forced:
            breaches.append(f"forced by {promoted.actor}, against the verdict {promoted.verdict}: {promoted.reason}")
        yield from checks.results(self.name, [findings.from_lines(gate.production_is_healthy, breaches)])

    def _observe(self, verdict: str, described: parts.Metadata) -> None:
        """Record a verdict as an observation, which does not affect the health of the champion."""
        self.context.log_event(dg.AssetObservation(self.name, description=f"verdict: {verdict}", metadata=described))
