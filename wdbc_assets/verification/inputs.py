"""The inputs for re-deriving a version: as its manifest states them, or as re-derived in the same verification."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import specs
from wdbc_assets.store import codecs, index
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Draft, Handle, Store
from wdbc_assets.verification.causes import Cause
from wdbc_assets.verification.rederive import Inputs, NotDerived


@dataclass(frozen=True)
class Rederived:
    """A re-derived version that differs from the stored one; `refusal` is set if it breaks its contract."""

    stored_version: str
    draft: Draft
    refusal: WdbcError | None

    @property
    def version(self) -> str:
        """The version under which it would be stored."""
        return self.draft.manifest.version

    @cached_property
    def value(self) -> Any:
        """The value as a run would read it from the store."""
        return codecs.decode(self.draft.manifest.codec, self.draft.contents)


class Inventory:
    """All values that were read or re-derived in one verification."""

    def __init__(self, store: Store) -> None:
        self.rederived: dict[str, Rederived] = {}
        self._store = store
        self._read: dict[tuple[str, str], Any] = {}

    def present(self, asset: str, manifest: Manifest) -> Inputs:
        """Return the inputs as they are now: the re-derived version if it differs from the stored one, else the stored.

        Raises:
            NotDerived: An input breaks its contract, is damaged, or no longer exists.
        """
        values, changes, notes = {}, [], []
        versions = dict(manifest.inputs)
        for name in specs.ASSETS[asset].inputs:
            stated = manifest.inputs.get(name, "")
            rederived = self.rederived.get(name)
            if rederived is None or stated not in (rederived.version, rederived.stored_version):
                values[name] = self._stored(name, stated, manifest.run_id)
                current = self._store.current(name)
                if current is not None and current.version != stated:
                    notes.append(f"from {name} {formatting.short(stated)}, which is not the current one")
                continue
            if rederived.refusal is not None:
                raise NotDerived(f"the re-derived {name} is refused: {rederived.refusal.what}")
            values[name], versions[name] = rederived.value, rederived.version
            if rederived.version != stated:
                changes.append(Cause("input", name, stated, rederived.version))
        return Inputs(values, versions, tuple(changes), tuple(notes))

    def stated(self, asset: str, manifest: Manifest) -> Inputs:
        """Return the inputs as the manifest states them.

        Raises:
            NotDerived: An input is damaged or no longer exists.
        """
        values = {
            name: self._stored(name, manifest.inputs.get(name, ""), manifest.run_id)
            for name in specs.ASSETS[asset].inputs
        }
        return Inputs(values, dict(manifest.inputs))

    def _stored(self, name: str, version: str, run_id: str) -> Any:
        rederived = self.rederived.get(name)
        if rederived is not None and rederived.version == version:
            return rederived.value
        if (name, version) not in self._read:
            self._read[name, version] = self._load(name, version, run_id)
        return self._read[name, version]

    def _load(self, name: str, version: str, run_id: str) -> Any:
        try:
            manifest = self._store.current(name)
            if manifest is None or manifest.version != version:
                manifest = self._store.made_by(run_id, name)
            if manifest is None or manifest.version != version:
                # The inputs of a promotion were made by other runs.
                manifest = next(iter(index.read(self._store).whole(name, version)), None) if version else None
            if manifest is not None and manifest.version == version:
                return Handle(self._store, manifest).load()
        except WdbcError as error:
            raise NotDerived(f"its input {name} cannot be used: {error.what}") from None
        raise NotDerived(
            f"its input {name} {formatting.short(version) if version else 'of no version'} no longer exists"
        )
