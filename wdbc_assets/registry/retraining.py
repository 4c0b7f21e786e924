"""Retrainings in the registry: a refit and its comparison with the champion, recorded in the audit log, and promoted.

The log has an entry for each comparison, with its evidence. A refit is promoted only with the verdict of the comparison
with the present champion: alone with `better`, by a person also with `not worse`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.promotion.refit_comparison import PASSING, RefitComparison
from wdbc_assets.pipeline import code_versions
from wdbc_assets.registry import audit_log, verdicts
from wdbc_assets.registry.audit_log import Entry
from wdbc_assets.registry.decision_log import Decision
from wdbc_assets.registry.registry import Registry
from wdbc_assets.registry.verdicts import VerdictDocument
from wdbc_assets.store import parsing, paths
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Store

__all__ = [
    "ACTOR",
    "PASSING",
    "ComparedRefit",
    "describe",
    "entries",
    "gather",
    "promote",
    "record",
    "require_not_rolled_back",
    "was_promoted",
]

ACTOR = "retraining"
"""Who acts if nobody does: the retraining itself."""


@dataclass(frozen=True)
class ComparedRefit:
    """A comparison and its refit, with the manifests of both."""

    store: Store
    comparison: RefitComparison
    made_of: tuple[Manifest, ...]

    @property
    def verdict(self) -> str:
        """The name of the verdict."""
        return self.comparison.verdict.name

    @cached_property
    def document(self) -> VerdictDocument:
        """The verdict document. Comparing the same versions again gives the same one."""
        comparison = self.comparison
        recipe = comparison.verdict.candidate
        versions = {manifest.asset: manifest.version for manifest in self.made_of}
        code = code_versions.recipe_version(recipe)
        candidate = verdicts.CandidateVersion(
            recipe=recipe,
            version=comparison.refit,
            made_of=versions,
            code=code,
            definition=parsing.digest({"code": code, "refit": comparison.refit}),
        )
        return VerdictDocument(
            candidate=candidate,
            champion=verdicts.Champion(recipe=comparison.verdict.champion, version=comparison.champion),
            protocol=None,
            patients=versions["labelled_patients"],
            experiment=None,
            verdict=comparison.verdict,
        )


def gather(store: Store, *, run_id: str | None = None) -> ComparedRefit:
    """Return the current comparison with its refit. A run sees its own versions.

    Raises:
        NeverMade: there was no retraining yet.
        WdbcError: the refit of the comparison is no longer the current one.
    """
    made = store.handle("refit_comparison", run_id=run_id)
    own = [made.manifest, *(store.handle(name, run_id=run_id).manifest for name in ("refit", "labelled_patients"))]
    if any(made.manifest.inputs.get(manifest.asset) != manifest.version for manifest in own[1:]):
        raise WdbcError(
            "the comparison is not one of the current refit",
            where=store.url,
            hint="Run `wdbc retrain`: it compares the current refit.",
        )
    comparison: RefitComparison = made.load()
    return ComparedRefit(store, comparison, tuple(own))


def record(registry: Registry, retraining: ComparedRefit, *, run_id: str | None, why: str) -> Entry | None:
    """Record a comparison in the audit log, once; return its entry, or None if it is recorded already.

    Raises:
        Superseded: another champion is in production meanwhile.
    """
    evidence = registry.keep_evidence(retraining.document)
    decision = Decision(
        actor=ACTOR,
        run_id=run_id,
        candidate=retraining.comparison.refit,
        verdict=retraining.verdict,
        evidence=evidence,
        reason=why,
    )
    with registry.deciding():
        if any(entry.evidence == evidence for entry in entries(registry.standing_under_lock().history.entries)):
            return None
        registry.require(retraining.comparison.champion)
        return registry.note(audit_log.REFIT_COMPARED, decision, version=retraining.comparison.champion)


def promote(
    registry: Registry,
    retraining: ComparedRefit,
    *,
    actor: str,
    run_id: str | None = None,
    reason: str = "",
    force: bool = False,
) -> Entry:
    """Put the refit into production, if the champion still is the one that it was compared with.

    With `force`, a person does so against the verdict, or after a rollback.

    Raises:
        WdbcError: the verdict does not allow it, or the refit was rolled back.
        Superseded: the champion has changed; nothing was moved.
        DamagedStore: the refit or its evidence is damaged.
    """
    from wdbc_assets.store import bundle_loader

    comparison, verdict = retraining.comparison, retraining.comparison.verdict
    passed = verdict.promoted if actor == ACTOR else verdict.name in PASSING
    if not passed and not force:
        raise WdbcError(
            f"the refit is not promoted: {verdict.name}; {verdict.reason}",
            where=f"refit {formatting.short(comparison.refit)}",
            hint="The champion is unchanged. Retrain when more outcomes are known: `wdbc retrain`.",
        )
    if not force:
        require_not_rolled_back(registry.standing().history.entries, comparison.refit)
    store = retraining.store
    bundle = store.value(retraining.made_of[1])
    versions = {manifest.asset: manifest.version for manifest in retraining.made_of}
    draft = store.draft(
        paths.CHAMPION,
        bundle,
        run_id=run_id or f"refit-{comparison.refit[:12]}",
        inputs=versions | {"train_test_split": bundle.versions["train_test_split"]},
        code_version=code_versions.code_version("refit"),
    )
    bundle_loader.open_bundle(draft.contents)  # the smoke test, before it can serve anybody
    decision = Decision(
        actor=actor,
        run_id=run_id,
        candidate=comparison.refit,
        recipe=bundle.recipe,
        verdict=verdict.name,
        evidence=registry.keep_evidence(retraining.document),
        reason=reason or verdict.reason,
        forced=force and not passed,
    )
    return registry.promote(draft, decision, expected=comparison.champion, made_of=retraining.made_of)


def entries(history: Sequence[Entry]) -> list[Entry]:
    """Return the entries of the audit log that record a retraining, oldest first."""
    return [entry for entry in history if entry.action == audit_log.REFIT_COMPARED and entry.whole]


def was_promoted(history: Sequence[Entry], refit: str | None) -> bool:
    """Return whether a refit was in production before: after a rollback nobody but a person promotes it again."""
    return any(entry.action == audit_log.PROMOTED and entry.candidate == refit for entry in history)


def require_not_rolled_back(history: Sequence[Entry], refit: str) -> None:
    """Raise WdbcError if a refit that is not in production was before: it was rolled back, for a reason."""
    if not was_promoted(history, refit):
        return
    after = max(entry.number for entry in history if entry.action == audit_log.PROMOTED and entry.candidate == refit)
    rollback = next(
        (entry for entry in history if entry.number > after and entry.action == audit_log.ROLLED_BACK), None
    )
    how = f"rolled back at {rollback.at[:16]} UTC by {rollback.actor}: {rollback.reason}" if rollback else "replaced"
    raise WdbcError(
        f"the refit was in production before, and was {how}",
        where=f"refit {formatting.short(refit)}",
        hint="Nothing was changed. If the reason no longer holds, promote it again with `wdbc promote --refit --force"
        " --reason TEXT`; otherwise wait for more outcomes, and run `wdbc retrain`.",
    )


def describe(entry: Entry) -> str:
    """Return when the last retraining was, why, and its result, as one line."""
    return f"last retraining {entry.at[:16].replace('T', ' ')} UTC ({entry.reason}): {entry.verdict}"
