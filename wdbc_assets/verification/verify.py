"""Re-derive current versions from their inputs, and find the cause of a difference.

Nothing is written to the store, no pointer moves, and no Dagster run starts.
"""

import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring.inbox import open_inbox
from wdbc_assets.pipeline import specs, validation
from wdbc_assets.registry import policies
from wdbc_assets.store import index, paths
from wdbc_assets.store.manifest import DamagedStore, Manifest
from wdbc_assets.store.store import Store
from wdbc_assets.verification import causes, configuration, deliveries, files
from wdbc_assets.verification.asset_verification import AssetVerification
from wdbc_assets.verification.causes import Deviation
from wdbc_assets.verification.configuration import Configuration
from wdbc_assets.verification.differences import FileDifference
from wdbc_assets.verification.inputs import Inventory, Rederived
from wdbc_assets.verification.rederive import Derived, Inputs, RemoteSourceSkipped, Sandbox, StoredVersion

if TYPE_CHECKING:
    from wdbc_assets.domain.promotion.bundles import Bundle

LATEST_BATCHES = 5
"""Of an asset with a version for each batch, a verification that is not deep re-derives those of the latest ones."""

CHEAP_SECONDS = 30.0
"""A version that took longer is not derived a second time to isolate the cause of a difference."""


def verify(
    store: Store, config: settings.Settings, assets: Iterable[str], *, deep: bool
) -> Iterator[AssetVerification]:
    """Re-derive the current version of each asset and compare; yield each finding as soon as it is known.

    Args:
        store: The store to verify.
        config: The current settings.
        assets: Names of assets, inputs first.
        deep: Whether to contact remote sources and to recompute everything instead of a sample.

    Raises:
        WdbcError: A pointer is damaged, or a newer release wrote the store.
    """
    with tempfile.TemporaryDirectory(prefix="wdbc-verify-") as folder:
        verification = _Verification(store, config, Sandbox(store, config, Path(folder), deep=deep))
        for asset in assets:
            manifests = list(_current(store, asset, deep=deep))
            if not manifests:
                yield AssetVerification(asset, None, "not derived", reason="it has never been materialized")
            for manifest in manifests:
                case = StoredVersion(asset, manifest, store.found(manifest))
                if asset == paths.CHAMPION and "refit" in manifest.inputs:
                    case = _of_refit(store, case)
                yield replace(verification.check(case), asset=asset, manifest=manifest)


def _of_refit(store: Store, champion: StoredVersion) -> StoredVersion:
    """Return how a champion that is a refit was made: as its refit, and then with another policy if it has one.

    Without the manifests of its refit and policy it is returned as it is, and cannot be derived again.
    """
    listing, stated = index.read(store), champion.manifest
    refit = next(iter(listing.whole("refit", stated.inputs["refit"])), None)
    if refit is None or policies.POLICY not in stated.inputs:
        return champion if refit is None else StoredVersion("refit", refit, champion.contents)
    policy = next(iter(listing.whole(policies.POLICY, stated.inputs[policies.POLICY])), None)
    if policy is None:
        return champion
    manifest = replace(refit, version=stated.version, files=stated.files, run_id=stated.run_id)
    return StoredVersion("refit", manifest, champion.contents, partial(_with_policy, store, policy))


def _with_policy(store: Store, manifest: Manifest, refit: "Bundle") -> "Bundle":
    """Return a refit with the policy that a manifest describes, which is recalibrated again from that of the refit."""
    from wdbc_assets.domain.evaluation import recalibration

    policy = recalibration.recalibrate(refit.policy, manifest.parameters["prevalence"])
    version = store.draft(policies.POLICY, policy, run_id=manifest.run_id).manifest.version
    return policies.with_policy(refit, policy, version)


def _current(store: Store, asset: str, *, deep: bool) -> Iterator[Manifest]:
    """Yield the current version of an asset, or those of its latest batches, oldest first."""
    partitions: Sequence[str | None] = [None]
    if specs.ASSETS[asset].partitioned:
        partitions = store.partitions(asset)[0 if deep else -LATEST_BATCHES :]
    for partition in partitions:
        manifest = store.current(asset, partition)
        if manifest is not None:
            yield manifest


class _Verification:
    """One verification. It keeps re-derived versions as inputs of later ones."""

    def __init__(self, store: Store, config: settings.Settings, sandbox: Sandbox) -> None:
        self._store = store
        self._config = config
        self._sandbox = sandbox
        self._inventory = Inventory(store)

    def check(self, case: StoredVersion) -> AssetVerification:
        """Re-derive one version and compare it with the stored one."""
        damage = tuple(causes.damage(case.manifest, case.contents, self._made(case.manifest)))
        if case.asset in deliveries.ASSETS:
            return deliveries.check(self._store, open_inbox(self._config), case, damage)
        setting = Configuration(None, None, ())
        try:
            setting = configuration.resolve(case.asset, case.manifest, self._config)
            inputs = self._inventory.present(case.asset, case.manifest)
            started = time.monotonic()
            as_stated = not (inputs.changes or setting.changes)
            derived = self._sandbox.derive(case, inputs, setting.now, as_stated=as_stated)
            cheap = time.monotonic() - started <= CHEAP_SECONDS
        except RemoteSourceSkipped as error:
            return _check_by_digest(case, damage, setting, error)
        except WdbcError as error:
            return AssetVerification(
                case.asset, case.manifest, "diverged" if damage else "not derived", causes=damage, reason=error.what
            )
        same = derived.matches(case.manifest)
        reasons = damage if same else (*damage, *self._causes(case, setting, inputs, derived, cheap=cheap))
        if reasons:
            validated = validation.validate(case.asset, derived.value, inputs.values, where=case.asset)
            refusal = None if same else validated.refusal
            self._inventory.rederived[case.asset, case.manifest.partition] = Rederived(
                case.manifest.version, derived.draft, refusal
            )
        return AssetVerification(
            case.asset,
            case.manifest,
            "diverged" if reasons else "same",
            derived=derived.draft.manifest.version,
            compared=files.describe(derived.contents()),
            causes=reasons,
            differences=_differences(case, derived, inputs) if reasons else (),
            notes=(*derived.notes, *inputs.notes, *self._other_changes(case, setting, reasons)),
        )

    def _made(self, manifest: Manifest) -> Manifest | None:
        try:
            return self._store.made_by(manifest.run_id, manifest.asset, manifest.partition)
        except DamagedStore:
            return None

    def _causes(
        self, case: StoredVersion, setting: Configuration, inputs: Inputs, derived: Derived, *, cheap: bool
    ) -> tuple[Deviation, ...]:
        """Return why the derived version differs from the stored one, the most likely cause first.

        Changed inputs and parameters are reset to those of the manifest, if that is cheap: the result shows whether
        they are the cause, the only cause, or no cause.
        """
        changes = (*inputs.changes, *setting.changes)
        if not changes:
            return self._other_causes(case, derived)
        original = self._stated_inputs(case) if cheap and (setting.stated or not setting.changes) else None
        reset = None if original is None else self._attempt(case, original, setting.stated, as_stated=True)
        if original is None or reset is None:
            return (
                *changes,
                *causes.environment_changes(case.manifest),
            )
        if not reset.matches(case.manifest):
            return (*changes, *self._other_causes(case, reset))
        if inputs.changes and setting.changes:
            for tried, parameters, others in (
                (inputs, setting.stated, setting.changes),
                (original, setting.now, inputs.changes),
            ):
                attempt = self._attempt(case, tried, parameters, as_stated=False)
                if attempt is not None and attempt.matches(case.manifest):
                    return others
        return changes

    def _stated_inputs(self, case: StoredVersion) -> Inputs | None:
        try:
            return self._inventory.stated(case.asset, case.manifest)
        except WdbcError:
            return None

    def _attempt(
        self, case: StoredVersion, inputs: Inputs, parameters: BaseModel | None, *, as_stated: bool
    ) -> Derived | None:
        """Derive with other inputs or parameters; return None if that fails."""
        try:
            return self._sandbox.derive(case, inputs, parameters, as_stated=as_stated)
        except WdbcError:
            return None

    def _other_causes(self, case: StoredVersion, derived: Derived) -> tuple[Deviation, ...]:
        """Return the causes other than inputs and parameters."""
        fetched, stated = derived.draft.manifest.origin, case.manifest.origin
        if fetched and stated and fetched["sha256"] != stated.get("sha256"):
            return (Deviation("data", f"at {fetched['shown']}", stated.get("sha256"), fetched["sha256"]),)
        if not stated and (changes := tuple(causes.environment_changes(case.manifest))):
            return changes
        return tuple(causes.forged(case.manifest, derived.draft.manifest))

    def _other_changes(
        self, case: StoredVersion, setting: Configuration, reasons: tuple[Deviation, ...]
    ) -> Iterator[str]:
        """Yield deviations from the manifest that are not among the causes."""
        for cause in (
            *setting.changes,
            *causes.environment_changes(case.manifest),
        ):
            if cause not in reasons:
                yield f"also changed, but not the cause: {cause}" if reasons else f"same despite {cause}"


def _differences(case: StoredVersion, derived: Derived, inputs: Inputs) -> tuple[FileDifference, ...]:
    intact, patients = case.intact(), files.training_rows(inputs.values)
    stored = case.contents
    new = derived.contents()
    return tuple(
        files.compare(name, stored.get(name), new.get(name), intact=name in intact, patients=patients)
        for name in dict.fromkeys([*case.manifest.files, *new])
        if stored.get(name) != new.get(name)
    )


def _check_by_digest(
    case: StoredVersion, damage: tuple[Deviation, ...], setting: Configuration, error: RemoteSourceSkipped
) -> AssetVerification:
    """Verify data of a remote source against the digest recorded when it was fetched."""
    asset, manifest = case.asset, case.manifest
    if not damage and any(change.name == "source" for change in setting.changes):
        change = next(change for change in setting.changes if change.name == "source")
        return AssetVerification(asset, manifest, "not derived", reason=f"{error.what} ({change})")
    fetched = (manifest.origin or {}).get("sha256")
    if not damage and fetched not in {file.sha256 for file in manifest.files.values()}:
        damage = tuple(
            Deviation("stored file", name, fetched, "is not what the source delivered") for name in manifest.files
        )
    return AssetVerification(
        asset,
        manifest,
        "diverged" if damage else "same",
        derived=manifest.version,
        compared=f"{files.describe({**case.intact(), **case.large()})}, compared by the digest of the source",
        causes=damage,
        notes=(error.what,),
    )
