"""The champion's decision policy for another prevalence: made as a version, and promoted by itself.

A recalibrated policy is a version of `decision_policy` that is made from another one, or from a refit, which has its
policy in its bundle. It is stored with a manifest and without a pointer, so that it serves nobody, the current policy
stays current, and `wdbc gc` removes it some time after the last champion that has it. A champion with another policy is
another bundle of the same model. Its manifest names the policy like any other input, so that it is verified, kept and
rolled back like any other champion.

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
    from wdbc_assets.domain.promotion.bundles import Bundle

POLICY = "decision_policy"
REFIT = "refit"


@dataclass(frozen=True)
class Stored:
    """A stored policy: its value, its manifest, and whether the champion has it."""

    value: "DecisionPolicy"
    manifest: Manifest
    serves: bool


def recalibrate(store: Store, standing: Standing, prevalence: float) -> Stored:
    """Store the champion's policy for another prevalence, and return it. No pointer moves.

    It is made from the policy without recalibration, which is itself the result for the prevalence of the training set.
    That of a refit is a version only if it was asked for. An equal version that is stored already is not stored again.

    Raises:
        NeverMade: there is no champion.
        DamagedStore: the champion's policy is damaged or no longer stored.
        WdbcError: there is no such policy: see `recalibration.recalibrate`.
    """
    from wdbc_assets.domain.evaluation import recalibration

    champion = require_champion(store, standing)
    listing = index.read(store)
    original = _original(store, listing, champion)
    value = _value(store, original)
    made = recalibration.recalibrate(value, prevalence)
    manifest = original
    if original.asset == REFIT or made != value:
        draft = store.draft(
            POLICY,
            made,
            run_id=f"recalibrate-{uuid.uuid4()}",
            inputs={original.asset: original.version},
            parameters={"prevalence": prevalence},
            code_version=code_versions.code_version(POLICY),
        )
        manifest = next(iter(listing.whole(POLICY, draft.manifest.version)), draft.manifest)
        if manifest is draft.manifest:
            store.add(draft)
        else:
            store.write(draft)  # a damaged file is written again
    return Stored(made, manifest, serves=_value(store, champion) == made)


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
    own = _original(store, index.read(store), manifest)
    if (model := _model(champion)) != (its := _model(own)):
        raise WdbcError(
            f"the policy {formatting.short(manifest.version)} belongs to another model: to {_named(its)}, and the"
            f" champion to {_named(model)}",
            where=store.url,
            hint="Recalibrate the policy of this champion: `wdbc recalibrate --prevalence P`.",
        )
    value: DecisionPolicy = store.value(manifest)
    bundle: Bundle = store.value(champion)
    draft = store.draft(
        paths.CHAMPION,
        with_policy(bundle, value, manifest.version),
        run_id=f"policy-{uuid.uuid4()}",
        inputs={**champion.inputs, POLICY: manifest.version},
        parameters=champion.parameters,
        code_version=champion.code_version,
    )
    bundle_loader.open_bundle(draft.contents)  # the smoke test, before it can serve anybody
    return Exchange(
        policy=Stored(value, manifest, serves=bundle.policy == value),
        noted=PolicyVersion(manifest.version, value.prevalence, value.training.prevalence),
        recipe=value.recipe,
        draft=draft,
        made_of=(manifest, own),
    )


def with_policy(bundle: "Bundle", policy: "DecisionPolicy", version: str) -> "Bundle":
    """Return the bundle of the same model with another policy, a version of decision_policy."""
    return replace(bundle, policy=policy, versions={**bundle.versions, POLICY: version})


def promote(registry: Registry, standing: Standing, made: Exchange, *, actor: str, reason: str) -> Entry:
    """Put the champion with another policy into production.

    Raises:
        Superseded: the champion has changed meanwhile; nothing was moved.
        DamagedStore: the policy was damaged or removed meanwhile.
    """
    decision = Decision(
        actor=actor,
        run_id=None,
        candidate=_model(made.draft.manifest)[1],
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


def _original(store: Store, listing: index.StoreIndex, made: Manifest) -> Manifest:
    """Return what has the policy without recalibration that a policy, or a champion's, was made from.

    This is a version of decision_policy, or a refit. A policy that was made from none is its own.
    """
    asset = next((name for name in (REFIT, POLICY) if name in made.inputs), None)
    if asset is not None:
        return _original(store, listing, _whole(store, listing, asset, made.inputs[asset]))
    if made.asset == paths.CHAMPION:
        raise _no_longer_stored(store, POLICY, None)
    return made


def _value(store: Store, manifest: Manifest) -> "DecisionPolicy":
    """Return a policy, or that of a bundle."""
    value = store.value(manifest)
    policy: DecisionPolicy = value if manifest.asset == POLICY else value.policy
    return policy


def _model(manifest: Manifest) -> tuple[str, str | None]:
    """Return the model of a champion or an original policy: a version of `refit` or else of `fitted_pipeline`."""
    if manifest.asset == REFIT:
        return REFIT, manifest.version
    asset = REFIT if REFIT in manifest.inputs else "fitted_pipeline"
    return asset, manifest.inputs.get(asset)


def _named(model: tuple[str, str | None]) -> str:
    return f"{model[0]} {formatting.short(model[1])}"


def _whole(store: Store, listing: index.StoreIndex, asset: str, version: str) -> Manifest:
    manifest = next(iter(listing.whole(asset, version)), None) if version else None
    if manifest is None:
        raise _no_longer_stored(store, asset, version)
    return manifest


def _no_longer_stored(store: Store, asset: str, version: str | None) -> DamagedStore:
    what = "decision policy" if asset == POLICY else asset
    return DamagedStore(
        f"the champion's {what} {formatting.short(version or None)} is no longer stored",
        where=store.url,
        hint="Restore it from a backup, or promote a new model: `wdbc run`, `wdbc evaluate`, then `wdbc promote`.",
    )
