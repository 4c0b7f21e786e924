"""The inputs of a version that is to be derived again: as its manifest states them, or as they were derived anew."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import specs, staleness
from wdbc_assets.store import codecs, index
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Draft, Handle, Store
from wdbc_assets.verification.causes import Cause
from wdbc_assets.verification.rederive import Inputs, NotDerived


@dataclass(frozen=True)
class Again:
    """A version that was derived again and is not what is stored; `refusal` if it breaks its contract."""

    stored_version: str
    draft: Draft
    refusal: WdbcError | None

    @property
    def version(self) -> str:
        """The version that it would be stored as."""
        return self.draft.manifest.version

    @cached_property
    def value(self) -> Any:
        """The value as a run would read it back from the store."""
        return codecs.decode(self.draft.manifest.codec, self.draft.contents)


class Inventory:
    """Every value that was read or derived in one verification."""

    def __init__(self, store: Store) -> None:
        self.again: dict[str, Again] = {}
        self._store = store
        self._read: dict[tuple[str, str], Any] = {}

    def present(self, asset: str, manifest: Manifest) -> Inputs:
        """Return the inputs as they stand: what was derived anew where that is another version, else what is stored.

        Raises:
            NotDerived: an input breaks its contract, is damaged, or is no longer there.
        """
        values, changes, notes = {}, [], []
        versions = dict(manifest.inputs)
        for name in specs.ASSETS[asset].inputs:
            stated = manifest.inputs.get(name, "")
            anew = self.again.get(name)
            if anew is None or stated not in (anew.version, anew.stored_version):
                values[name] = self._stored(name, stated, manifest.run_id)
                current = self._store.current(name)
                if current is not None and current.version != stated:
                    notes.append(f"from {name} {staleness.short(stated)}, which is not the current one")
                continue
            if anew.refusal is not None:
                raise NotDerived(f"{name}, derived again, is refused: {anew.refusal.what}")
            values[name], versions[name] = anew.value, anew.version
            if anew.version != stated:
                changes.append(Cause("input", name, stated, anew.version))
        return Inputs(values, versions, tuple(changes), tuple(notes))

    def stated(self, asset: str, manifest: Manifest) -> Inputs:
        """Return the inputs as the manifest states them.

        Raises:
            NotDerived: one is damaged, or is no longer there.
        """
        values = {
            name: self._stored(name, manifest.inputs.get(name, ""), manifest.run_id)
            for name in specs.ASSETS[asset].inputs
        }
        return Inputs(values, dict(manifest.inputs))

    def _stored(self, name: str, version: str, run_id: str) -> Any:
        anew = self.again.get(name)
        if anew is not None and anew.version == version:
            return anew.value
        if (name, version) not in self._read:
            self._read[name, version] = self._load(name, version, run_id)
        return self._read[name, version]

    def _load(self, name: str, version: str, run_id: str) -> Any:
        try:
            manifest = self._store.current(name)
            if manifest is None or manifest.version != version:
                manifest = self._store.made_by(run_id, name)
            if manifest is None or manifest.version != version:
                # What a promotion was made of was made by other runs.
                manifest = next(iter(index.read(self._store).whole(name, version)), None) if version else None
            if manifest is not None and manifest.version == version:
                return Handle(self._store, manifest).load()
        except WdbcError as error:
            raise NotDerived(f"its input {name} cannot be used: {error.what}") from None
        raise NotDerived(f"its input {name} {staleness.short(version) or 'of no version'} is no longer there")
