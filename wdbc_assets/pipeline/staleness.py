"""Staleness: whether an asset is up to date, and if not, why it would run.

An asset is up to date if its files are intact and the manifest of its current version matches the current inputs, code
and parameters. For a promoted asset, intact files are enough. Dagster runs and `wdbc status` share this rule; it needs
neither Dagster nor pandas nor scikit-learn.
"""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wdbc_assets import settings, sources
from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.pipeline import code_versions, specs
from wdbc_assets.store.manifest import DamagedStore, Manifest
from wdbc_assets.store.store import Handle, NeverMade, Store

NEVER_MADE = "never made"
_BEFORE = {"split_method": "shuffled"}
"""What held before a parameter existed, for versions whose manifest does not state it."""


@dataclass(frozen=True)
class AssetStatus:
    """The status of an asset: its current manifest, if any, and the reasons why it is out of date.

    For a partitioned asset these are about the latest of its `partitions`. A change of anything but its stored files
    does not make it out of date: a run that selects the partition decides. `removed` counts those that were removed
    because of their age.
    """

    asset: str
    manifest: Manifest | None
    reasons: tuple[str, ...]
    partitions: int | None = None
    removed: int = 0

    @property
    def up_to_date(self) -> bool:
        """Whether the asset is up to date."""
        return not self.reasons


def reasons(
    store: Store,
    manifest: Manifest | None,
    *,
    inputs: Mapping[str, str],
    parameters: Mapping[str, Any],
    code: str,
) -> list[str]:
    """Return the reasons why a version is out of date, as text; empty if it is up to date.

    Args:
        store: The store.
        manifest: Manifest of the current version, None if there is none.
        inputs: Current version of each input.
        parameters: Current parameters.
        code: Current code version.
    """
    if manifest is None:
        return [NEVER_MADE]
    changes = [
        f"input {name} changed {formatting.short(manifest.inputs.get(name, 'none'))} -> {formatting.short(version)}"
        for name, version in inputs.items()
        if manifest.inputs.get(name) != version
    ]
    changes += [
        f"configuration {name} {stated(manifest, name)} -> {value}"
        for name, value in parameters.items()
        if stated(manifest, name) != value
    ]
    if manifest.code_version != code:
        changes.append(f"code changed {manifest.code_version or 'none'} -> {code}")
    damage = store.damage(manifest)
    return [*changes, damage] if damage else changes


def stated(manifest: Manifest, parameter: str) -> Any:
    """Return the parameter that a version was made with; None if that is not known."""
    return manifest.parameters.get(parameter, _BEFORE.get(parameter))


def assess(store: Store, config: settings.Settings, *, assets: Iterable[str] = specs.ASSETS) -> list[AssetStatus]:
    """Return the status of assets, inputs first. Remote sources are not contacted.

    An input outside `assets` counts with its current version, whether it is up to date or not.
    """
    states: dict[str, AssetStatus] = {}
    for asset in assets:
        spec = specs.ASSETS[asset]
        partitions = store.partitions(asset) if spec.partitioned else []
        count = len(partitions) if spec.partitioned else None
        try:
            manifest = store.current(asset, partitions[-1] if partitions else None)
        except DamagedStore as error:
            states[asset] = AssetStatus(asset, None, (error.what,), count)
            continue
        if spec.promoted or spec.partitioned:
            removed = len(store.removed_partitions(asset)) if spec.partitioned else 0
            damage = () if manifest is None and removed else tuple(_damage(store, manifest))
            states[asset] = AssetStatus(asset, manifest, damage, count, removed)
            continue
        parameters = resolved(asset, config, {})
        inputs = {
            name: now
            for name in spec.inputs
            if name not in specs.batch_inputs(asset) and (now := _present(store, states, name))
        }
        changes = removed_recipes(spec, manifest) + reasons(
            store,
            manifest,
            inputs={name: now.version for name, now in inputs.items()} | _evaluated_frame(inputs),
            parameters=parameters,
            code=code_versions.code_version(asset, parameters),
        )
        waits = [f"{name} would run first" for name in spec.inputs if name in states and not states[name].up_to_date]
        if manifest is not None and "source" in parameters:
            changes += source_change(manifest, config)
        states[asset] = AssetStatus(asset, manifest, tuple(changes or waits))
    return list(states.values())


def latest(store: Store, asset: str) -> Manifest | None:
    """Return the manifest of the current version of an asset, or of its latest partition; None if there is none."""
    partitions = store.partitions(asset) if specs.ASSETS[asset].partitioned else []
    return store.current(asset, partitions[-1] if partitions else None)


def batch_reasons(
    store: Store,
    manifest: Manifest | None,
    *,
    inputs: Mapping[str, str],
    parameters: Mapping[str, Any],
    code: str,
) -> list[str]:
    """Return the reasons why a partition of an asset is out of date. The arguments are those of `reasons`.

    A record does not depend on inputs that have no partitions, nor on the code: it states what happened.
    """
    if manifest is None or not specs.ASSETS[manifest.asset].record:
        return reasons(store, manifest, inputs=inputs, parameters=parameters, code=code)
    own = {name: version for name, version in inputs.items() if specs.ASSETS[name].partitioned}
    return reasons(store, manifest, inputs=own, parameters={}, code=manifest.code_version)


def require_made(store: Store, asset: str, partition: str | None = None) -> None:
    """Raise NeverMade, with the command to run first, if an asset or a partition of it has no current version.

    A partition that was removed on purpose raises Removed.
    """
    if store.current(asset, partition) is None:
        store.require_not_removed(asset, partition)
        spec = specs.ASSETS[asset]
        raise NeverMade(
            "no champion has been promoted yet" if spec.promoted else f"{asset} has never been materialized",
            where=store.url,
            hint=_commands_to_promote(store) if spec.promoted else f"Run `{spec.command}` first.",
        )


def missing_input(store: Store, assets: Iterable[str]) -> WdbcError | None:
    """Return why assets of a job cannot be made now: what they need from outside was never made, or is damaged.

    None if nothing is missing.
    """
    names = tuple(assets)
    for name in dict.fromkeys(name for asset in names for name in specs.ASSETS[asset].inputs if name not in names):
        try:
            require_made(store, name)
        except WdbcError as error:
            return error
    return None


def _commands_to_promote(store: Store) -> str:
    """Return the hint with the commands that are missing for a promotion, in order. The promotion makes the policy."""
    needed = ("fitted_pipeline", "cross_validation")
    missing = [specs.ASSETS[name].command for name in needed if _present(store, {}, name) is None]
    *others, last = (f"`{command}`" for command in (*missing, specs.ASSETS["champion"].command))
    return f"Run {' and '.join(others)}, then {last}." if others else f"Run {last} first."


def _evaluated_frame(inputs: Mapping[str, Manifest]) -> dict[str, str]:
    """Return the version of the clean frame that the evaluation among the inputs was made of, if both are inputs."""
    version = inputs["cross_validation"].inputs.get("clean_frame") if "cross_validation" in inputs else None
    return {"clean_frame": version} if version is not None and "clean_frame" in inputs else {}


def as_evaluated(inputs: Mapping[str, Handle]) -> dict[str, Handle]:
    """Return the inputs of an asset, the clean frame in the version that the evaluation among them was made of.

    So incoming patients are compared with those of the evaluation, also while a model is trained on another table.

    Raises:
        WdbcError: that version no longer exists.
    """
    stated = _evaluated_frame({name: handle.manifest for name, handle in inputs.items()})
    if not stated or stated["clean_frame"] == inputs["clean_frame"].manifest.version:
        return dict(inputs)
    store, run_id = inputs["clean_frame"].store, inputs["cross_validation"].manifest.run_id
    made = store.made_by(run_id, "clean_frame")
    if made is None or made.version != stated["clean_frame"]:
        raise WdbcError(
            f"the clean frame {formatting.short(stated['clean_frame'])} that was evaluated no longer exists",
            where=store.url,
            hint="Run `wdbc evaluate`, which evaluates the current one.",
        )
    return {**inputs, "clean_frame": Handle(store, made)}


def removed_recipes(spec: specs.AssetSpec, manifest: Manifest | None) -> list[str]:
    """Return which recipes a version was made with that no longer exist."""
    stated = manifest.parameters.get(spec.recipes) if manifest is not None else None
    names = str(stated).split(",") if stated else []
    return [f"the recipe {name} no longer exists" for name in names if name not in recipes.RECIPES]


def _damage(store: Store, manifest: Manifest | None) -> list[str]:
    """Return the damage of a promoted or partitioned asset. Changed inputs do not make it out of date."""
    if manifest is None:
        return [NEVER_MADE]
    damage = store.damage(manifest)
    return [damage] if damage else []


def _present(store: Store, states: Mapping[str, AssetStatus], asset: str) -> Manifest | None:
    if asset in states:
        return states[asset].manifest
    try:
        return store.current(asset)
    except DamagedStore:
        return None


def source_version(store: Store, asset: str) -> str | None:
    """Return the version of raw_data from which the current version of an asset was made, or None if it is unknown.

    Raises:
        DamagedStore: A pointer or manifest on the path is damaged.
    """
    manifest = store.current(asset)
    while manifest is not None and manifest.inputs:
        name, version = next(iter(manifest.inputs.items()))
        candidates = (store.made_by(manifest.run_id, name), store.current(name))
        manifest = next((item for item in candidates if item is not None and item.version == version), None)
    return manifest.version if manifest is not None else None


def resolved(asset: str, config: settings.Settings, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of an asset as its manifest records them: JSON values without credentials."""
    kind = specs.ASSETS[asset].parameters
    if kind is None:
        return {}
    plain = settings.parameters_of(kind, config, overrides).model_dump(mode="json")
    if "source" in plain:
        plain["source"] = sources.parse(plain["source"]).shown
    return plain


def source_change(manifest: Manifest, config: settings.Settings) -> list[str]:
    """Return the reasons why a local source makes raw_data out of date."""
    stated = (manifest.origin or {}).get("sha256", "")
    known = None
    with contextlib.suppress(WdbcError):  # without an origin of the present form, the source is read
        known = sources.Origin.from_json(manifest.origin or {})
    try:
        source = sources.parse(config.source)
        present = stated if source.remote else source.fingerprint(known, limits=config.limits())
    except WdbcError as error:
        return [f"source cannot be read: {error.what} {error.where}".rstrip()]
    if present == stated:
        return []
    return [f"source content changed {formatting.short(stated)} -> {formatting.short(present)}"]
