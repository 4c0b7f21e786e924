"""The mechanism of an asset that is decided: judged by the gate, and moved by promotion alone.

Unlike a versioned asset it is not out of date when its inputs change, for what it is now was decided on evidence. Each
execution judges a candidate, keeps the evidence, and shows the verdict as a check that is not blocking; only a verdict
that promotes yields a value, and the store takes it only if the champion still is the one it was judged against.
"""

import inspect
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from wdbc_assets import checks, lineage, logs, metadata, production, resources, settings
from wdbc_assets.assets import failures, functions
from wdbc_assets.assets.progress import Progress
from wdbc_assets.domain import findings, promotion
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.storage.io_manager import STORED, Kept, Promotion
from wdbc_assets.storage.passport import Passport
from wdbc_assets.storage.registry import Decision, open_registry
from wdbc_assets.storage.store import Handle, Store

if TYPE_CHECKING:
    from wdbc_assets.domain.promotion import Verdict

CONFIG = {
    "candidate": dg.Field(
        str, is_required=False, description="The first digits of a version of fitted_pipeline. Unset: the current one."
    ),
    "force": dg.Field(
        bool, is_required=False, default_value=False, description="Promote against the verdict. Needs a reason."
    ),
    "reason": dg.Field(str, is_required=False, default_value="", description="Stands in the history."),
}


def decided_asset(*, kinds: set[str], owners: list[str]) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Make a function, which makes the value of a promoted candidate, into an asset that is decided."""

    def decorate(function: Callable[..., Any]) -> dg.AssetsDefinition:
        name = functions.register(function)

        def compute(context: dg.AssetExecutionContext, **_: Handle) -> Iterator[Any]:
            step = _Step(name, context)
            with failures.told(name, step.refuse):
                yield from step.run()

        return dg.asset(
            name=name,
            description=inspect.getdoc(function),
            group_name=function.__module__.rpartition(".")[2],
            kinds=kinds,
            owners=owners,
            code_version=lineage.code_version(name),
            ins={source: dg.AssetIn(dagster_type=STORED) for source in lineage.DERIVATIONS[name].inputs},
            config_schema=CONFIG,
            check_specs=checks.specs(name),
            required_resource_keys={"store"},
            output_required=False,
        )(compute)

    return decorate


class _Step:
    """One judgement."""

    def __init__(self, name: str, context: dg.AssetExecutionContext) -> None:
        self.name = name
        self.context = context
        self.started = time.monotonic()

    def refuse(self, error: WdbcError) -> None:
        """Log a refusal."""
        logs.logger.error("%s refused: %s", self.name, error.what, extra=self.fields("refused") | {"error": error})

    def run(self) -> Iterator[Any]:
        chosen = settings.load()
        logs.open_log(chosen.log, relative_to=settings.project_root())
        config = dict(self.context.op_execution_context.op_config)
        if config["force"] and not config["reason"].strip():
            raise WdbcError(
                "a promotion against the verdict needs a reason",
                where="configuration of champion",
                mend='Say why, for whoever reads the history: `--force --reason "..."`.',
            )
        resource: resources.StoreResource = self.context.resources.store
        store = resource.open()
        case = production.gather(store, config.get("candidate"), run_id=self.context.run.run_id)
        if case.is_champion and case.standing.passport is not None:
            yield self._unchanged(store, case.standing.passport, case.recipe)
            yield from checks.restated(case.standing.passport)
            return
        verdict = case.judge()
        forced = config["force"] and not verdict.promoted
        decision = Decision(
            actor=chosen.acting_as(),
            run_id=self.context.run.run_id,
            candidate=case.version,
            recipe=case.recipe,
            verdict=verdict.name,
            evidence=open_registry(store).keep_evidence(case.document(verdict)),
            reason=config["reason"].strip() or verdict.reason,
            forced=forced,
        )
        finding = findings.of_figures(promotion.the_candidate_may_replace_the_champion, verdict.breaches())
        if verdict.promoted or forced:
            yield self._promotion(store, case, verdict, decision, finding)
        else:
            open_registry(store).keep(decision, expected=case.standing.version)
            self._log("kept", f"the champion stays: {verdict.name}")
        (result,) = checks.results(self.name, [finding])
        yield result._replace(metadata={**result.metadata, **metadata.of_verdict(verdict)})

    def _promotion(
        self, store: Store, case: production.Case, verdict: "Verdict", decision: Decision, finding: findings.Finding
    ) -> dg.MaterializeResult[Any]:
        case.require_policy()
        versions = {name: passport.version for name, passport in case.passports.items()}
        bundle = functions.call(
            self.name,
            {name: Handle(store, case.passports[name]).load() for name in production.MADE_OF},
            versions=versions,
            parameters=None,
            source=None,
            known=None,
            report=Progress(self.name, self.fields("progress")),
            effort=settings.Effort(workers=None),
            workbench=lambda: store.workbench(self.name, versions),
        )
        draft = store.draft(
            self.name,
            bundle,
            run_id=self.context.run.run_id,
            seconds=time.monotonic() - self.started,
            inputs=versions,
            code_version=lineage.code_version(self.name),
            checks=checks.stated([finding]),
        )
        passport = draft.passport
        self._log("made", "champion promoted", rows=None, version=passport.version)
        return dg.MaterializeResult(
            value=Promotion(draft, decision, case.standing.version, tuple(case.passports.values())),
            data_version=dg.DataVersion(passport.version),
            metadata=metadata.of_champion(bundle, verdict, decision)
            | metadata.of_passport(passport, store.folder(passport)),
        )

    def _unchanged(self, store: Store, passport: Passport, recipe: str) -> dg.MaterializeResult[Any]:
        self._log("unchanged", "champion unchanged", rows=None, version=passport.version)
        return dg.MaterializeResult(
            value=Kept(passport),
            data_version=dg.DataVersion(passport.version),
            metadata={"recipe": recipe} | metadata.of_passport(passport, store.folder(passport)),
        )

    def _log(self, event: str, message: str, **fields: object) -> None:
        seconds = round(time.monotonic() - self.started, 3)
        logs.logger.info(message, extra=self.fields(event) | {"seconds": seconds} | fields)

    def fields(self, event: str) -> dict[str, Any]:
        return {"event": event, "asset": self.name, "run_id": self.context.run.run_id}
