"""The champion's decision policy for another prevalence: made as a version, and promoted by itself.

A recalibrated policy is a version of `decision_policy` that is made from another one. It is stored with a manifest and
without a pointer, so that it serves nobody, the current policy stays current, and `wdbc gc` removes it some time after
the last champion that has it. A champion with another policy is another bundle of the same model. Its manifest names
the policy like any other input, so that it is verified, kept and rolled back like any other champion.

The gate does not decide about a policy: its probabilities are for patients elsewhere, so their log-loss on the patients
here is worse by construction. A person states a reason instead.
"""

import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import code_versions
from wdbc_assets.registry import audit_log
from wdbc_assets.registry.audit_log import Entry, PolicyVersion
from wdbc_assets.registry.decision_log import Decision
from wdbc_assets.registry.registry import Registry
from wdbc_assets.registry.standings import Standing
from wdbc_assets.store import index, paths
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.store import Draft, NeverMade, Store

if TYPE_CHECKING:
    from wdbc_assets.domain.evaluation.decision_policy import DecisionPolicy

POLICY = "decision_policy"


@dataclass(frozen=True)
class Stored:
    """A stored policy: its value, its manifest, and whether the champion has it."""

    value: "DecisionPolicy"
    manifest: Manifest
    serves: bool


def recalibrate(store: Store, standing: Standing, prevalence: float) -> Stored:
    """Store the champion's policy for another prevalence, and return it. No pointer moves.

    It is made from the policy without recalibration, which is itself the result for the prevalence of the training set.
    An equal version that is stored already is not stored again.

    Raises:
        NeverMade: there is no champion.
        DamagedStore: the champion's policy is damaged or no longer stored.
        WdbcError: there is no such policy: see `recalibration.recalibrate`; or the champion is a refit.
    """
    from wdbc_assets.domain.evaluation import recalibration

    champion = require_champion(store, standing)
    if "refit" in champion.inputs:
        raise _of_refit(store, champion, prevalence)
    found = index.read(store)
    own = _own(_policy(store, found, champion.inputs.get(POLICY, "")), store, found)
    value: DecisionPolicy = store.value(own)
    made = recalibration.recalibrate(value, prevalence)
    manifest = own
    if made != value:
        draft = store.draft(
            POLICY,
            made,
            run_id=f"recalibrate-{uuid.uuid4()}",
            inputs={POLICY: own.version},
            parameters={"prevalence": prevalence},
            code_version=code_versions.code_version(POLICY),
        )
        manifest = next(iter(found.whole(POLICY, draft.manifest.version)), draft.manifest)
        if manifest is draft.manifest:
            store.add(draft)
        else:
            store.write(draft)  # a damaged file is written again
    return Stored(made, manifest, serves=champion.inputs.get(POLICY) == manifest.version)


@dataclass(frozen=True)
class Exchange:
    """A champion with another policy: its bundle, the policy, and what the log records of that."""

    policy: Stored
    noted: PolicyVersion
    recipe: str
    draft: Draft
    made_of: tuple[Manifest, ...]


def exchange(store: Store, standing: Standing, version: str) -> Exchange:
    """Return the champion with another policy: the version of decision_policy that starts with `version`.

    Raises:
        NeverMade: there is no champion.
        WdbcError: none or several versions start so, or the policy belongs to another model.
        DamagedStore: the champion, its model or the policy is damaged.
    """
    from wdbc_assets.store import bundle_loader

    champion = require_champion(store, standing)
    manifest = index.find(store, POLICY, version)
    found = index.read(store)
    own = _own(manifest, store, found)
    model = champion.inputs.get("fitted_pipeline")
    if own.inputs.get("fitted_pipeline") != model:
        raise WdbcError(
            f"the policy {formatting.short(manifest.version)} belongs to another model: to fitted_pipeline"
            f" {formatting.short(own.inputs.get('fitted_pipeline'))}, and the champion to {formatting.short(model)}",
            where=store.url,
            hint="Recalibrate the policy of this champion: `wdbc recalibrate --prevalence P`.",
        )
    value: DecisionPolicy = store.value(manifest)
    bundle = store.value(champion)
    changed = replace(bundle, policy=value, versions={**bundle.versions, POLICY: manifest.version})
    draft = store.draft(
        paths.CHAMPION,
        changed,
        run_id=f"policy-{uuid.uuid4()}",
        inputs={**champion.inputs, POLICY: manifest.version},
        parameters=champion.parameters,
        code_version=champion.code_version,
    )
    bundle_loader.open_bundle(draft.contents)  # the smoke test, before it can serve anybody
    return Exchange(
        policy=Stored(value, manifest, serves=champion.inputs.get(POLICY) == manifest.version),
        noted=PolicyVersion(manifest.version, value.prevalence, value.training.prevalence),
        recipe=value.recipe,
        draft=draft,
        made_of=(manifest, own),
    )


def promote(registry: Registry, standing: Standing, made: Exchange, *, actor: str, reason: str) -> Entry:
    """Put the champion with another policy into production.

    Raises:
        Superseded: the champion has changed meanwhile; nothing was moved.
        DamagedStore: the policy was damaged or removed meanwhile.
    """
    decision = Decision(
        actor=actor,
        run_id=None,
        candidate=made.draft.manifest.inputs.get("fitted_pipeline"),
        recipe=standing.recipe or made.recipe,
        reason=reason,
        policy=made.noted,
    )
    return registry.promote(
        made.draft, decision, expected=standing.version, made_of=made.made_of, action=audit_log.POLICY_PROMOTED
    )


def require_champion(store: Store, standing: Standing) -> Manifest:
    """Return the champion's manifest.

    Raises:
        DamagedStore: the pointer is damaged or missing.
        NeverMade: nothing was promoted yet.
    """
    if standing.manifest is not None:
        return standing.manifest
    if standing.problems:
        raise DamagedStore(
            "cannot determine what is in production: " + "; ".join(standing.problems),
            where=store.url,
            hint="Restore the champion of the audit log: `wdbc rollback --reason TEXT`.",
        )
    raise NeverMade(
        "no champion has been promoted yet, so there is no policy to change",
        where=store.url,
        hint="Run `wdbc run` and `wdbc evaluate`, then `wdbc promote`.",
    )


def _of_refit(store: Store, champion: Manifest, to: float) -> WdbcError:
    """Return the error for a refit. It has its policy in its bundle, and no version of decision_policy."""
    from wdbc_assets.domain.evaluation import recalibration

    policy = store.value(champion).policy
    made = recalibration.recalibrate(policy, to).recalibration
    offset = made.offset if made is not None else 0.0
    here, there = formatting.percent(policy.training.prevalence), formatting.percent(to)
    return WdbcError(
        "the champion is a refit, whose policy cannot be recalibrated: it is no version of decision_policy, of which a"
        " recalibrated one is made and verified",
        where=store.url,
        hint="Promote a model of the main line, then recalibrate: `wdbc run`, `wdbc evaluate`, `wdbc promote`. Until"
        f" then, {offset:+.4f} in the log-odds turns its probabilities, for a prevalence of {here} among its patients,"
        f" into those for {there}; every triage outcome stays the same.",
    )


def describe(policy: PolicyVersion) -> str:
    """Return what the probabilities of a recalibrated policy are for, in words."""
    return (
        f"its policy {formatting.short(policy.version)} is recalibrated: probabilities are for a prevalence of"
        f" {formatting.percent(policy.prevalence)}, not the {formatting.percent(policy.trained)} of the training set"
    )


def lost(standing: Standing) -> str | None:
    """Return what another candidate's promotion loses: the recalibration of the champion's policy, if it has one."""
    if (policy := standing.recalibrated) is None:
        return None
    return (
        "the champion's policy was recalibrated for a prevalence of"
        f" {formatting.percent(policy.prevalence)}, and that of this candidate is not; if its probabilities are for"
        f" such patients, run `wdbc recalibrate --prevalence {policy.prevalence:g}`, then `wdbc promote --policy`"
    )


def _own(manifest: Manifest, store: Store, found: index.StoreIndex) -> Manifest:
    """Return the policy that a recalibrated one was made from; any other is its own."""
    return _policy(store, found, manifest.inputs[POLICY]) if POLICY in manifest.inputs else manifest


def _policy(store: Store, found: index.StoreIndex, version: str) -> Manifest:
    manifest = next(iter(found.whole(POLICY, version)), None) if version else None
    if manifest is None:
        raise DamagedStore(
            f"the champion's decision policy {formatting.short(version or None)} is no longer stored",
            where=store.url,
            hint="Restore it from a backup, or promote a new model: `wdbc run`, `wdbc evaluate`, then `wdbc promote`.",
        )
    return manifest
