"""Whether an asset is up to date, and if not, why it would run.

An asset is up to date when the manifest of its current version matches the present inputs, code and parameters, and its
files are whole; one that is decided (`specs.AssetSpec`), when its files are. The rule stands here once: Dagster's
runs and `wdbc status` both ask it, and it needs neither Dagster nor pandas nor scikit-learn.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wdbc_assets import settings, sources
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import specs
from wdbc_assets.store.manifest import DamagedStore, Manifest
from wdbc_assets.store.store import Store

NEVER_MADE = "never made"


@dataclass(frozen=True)
class AssetStatus:
    """An asset as it stands: its current manifest, if any, and each reason why it would run."""

    asset: str
    manifest: Manifest | None
    reasons: tuple[str, ...]

    @property
    def up_to_date(self) -> bool:
        """Whether nothing is to be done."""
        return not self.reasons


def short(version: str) -> str:
    """Return a digest in the length that people compare."""
    return version[:12]


def reasons(
    store: Store,
    manifest: Manifest | None,
    *,
    inputs: Mapping[str, str],
    parameters: Mapping[str, Any],
    code: str,
) -> list[str]:
    """Return why a version is out of date, for people; empty if it is not.

    `inputs` maps each input asset to its present version, `parameters` are the present ones, `code` the present
    code version.
    """
    if manifest is None:
        return [NEVER_MADE]
    found = [
        f"input {name} changed {short(manifest.inputs.get(name, 'none'))} -> {short(version)}"
        for name, version in inputs.items()
        if manifest.inputs.get(name) != version
    ]
    found += [
        f"configuration {name} {manifest.parameters.get(name)} -> {value}"
        for name, value in parameters.items()
        if manifest.parameters.get(name) != value
    ]
    if manifest.code_version != code:
        found.append(f"code changed {manifest.code_version or 'none'} -> {code}")
    damage = store.damage(manifest)
    return [*found, damage] if damage else found


def assess(store: Store, chosen: settings.Settings, *, assets: Iterable[str] = specs.ASSETS) -> list[AssetStatus]:
    """Return the state of assets: of all, or of some, inputs first. No remote source is asked.

    An input that is not among them counts as it stands now, up to date or not.
    """
    states: dict[str, AssetStatus] = {}
    for asset in assets:
        spec = specs.ASSETS[asset]
        try:
            manifest = store.current(asset)
        except DamagedStore as error:
            states[asset] = AssetStatus(asset, None, (error.what,))
            continue
        if spec.promoted:
            states[asset] = AssetStatus(asset, manifest, tuple(_amiss(store, manifest)))
            continue
        found = reasons(
            store,
            manifest,
            inputs={name: now.version for name in spec.inputs if (now := _present(store, states, name))},
            parameters=resolved(asset, chosen, {}),
            code=specs.code_version(asset),
        )
        waits = [f"{name} would run first" for name in spec.inputs if name in states and not states[name].up_to_date]
        if manifest is not None and not spec.inputs:
            found += source_change(manifest, chosen)
        states[asset] = AssetStatus(asset, manifest, tuple(found + (waits if not found else [])))
    return list(states.values())


def _amiss(store: Store, manifest: Manifest | None) -> list[str]:
    """Return its problems with what was decided: it stays what it is when its inputs change."""
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
    """Return the version of raw_data that the current version of an asset was made from; None if that is unknown.

    Raises:
        DamagedStore: a pointer or manifest on the way is damaged.
    """
    manifest = store.current(asset)
    while manifest is not None and manifest.inputs:
        name, version = next(iter(manifest.inputs.items()))
        known = (store.made_by(manifest.run_id, name), store.current(name))
        manifest = next((one for one in known if one is not None and one.version == version), None)
    return manifest.version if manifest is not None else None


def resolved(asset: str, chosen: settings.Settings, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of an asset as its manifest states them: plain, and without credentials."""
    kind = specs.ASSETS[asset].parameters
    if kind is None:
        return {}
    plain = settings.parameters_of(kind, chosen, overrides).model_dump(mode="json")
    if "source" in plain:
        plain["source"] = sources.parse(plain["source"]).shown
    return plain


def source_change(manifest: Manifest, chosen: settings.Settings) -> list[str]:
    """Return whether a source that can be looked at without a network has other content now."""
    stated = (manifest.origin or {}).get("sha256", "")
    try:
        present = sources.digest_now(sources.parse(chosen.source), limits=chosen.limits())
    except WdbcError as error:
        return [f"source cannot be read: {error.what} {error.where}".rstrip()]
    if present is None or present == stated:
        return []
    return [f"source content changed {short(stated)} -> {short(present)}"]
