"""The inputs for re-deriving a version: as its manifest states them, or as re-derived in the same verification."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import calls, specs
from wdbc_assets.registry import references, scoring_context
from wdbc_assets.store import codecs, index, removals
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Draft, Handle, Store
from wdbc_assets.verification.causes import Deviation
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
        if self.draft.tables:
            return self.draft.value
        return codecs.decode(self.draft.manifest.codec, self.draft.contents)


class Inventory:
    """All values that were read or re-derived in one verification."""

    def __init__(self, store: Store) -> None:
        self.rederived: dict[tuple[str, str | None], Rederived] = {}
        self._store = store
        self._read: dict[tuple[str, str], Any] = {}

    def present(self, asset: str, manifest: Manifest) -> Inputs:
        """Return the inputs as they are now: the re-derived version if it differs from the stored one, else the stored.

        Raises:
            NotDerived: An input breaks its contract, is damaged, or no longer exists.
        """
        values: dict[str, Any] = {}
        changes: list[Deviation] = []
        notes: list[str] = []
        versions = dict(manifest.inputs)
        for name in _own_inputs(asset):
            stated, partition = manifest.inputs.get(name, ""), _partition(name, manifest)
            rederived = self.rederived.get((name, partition))
            if rederived is None or stated not in (rederived.version, rederived.stored_version):
                values[name] = self._stored(name, stated, manifest)
                current = self._store.current(name, partition)
                if current is not None and current.version != stated:
                    notes.append(f"from {name} {formatting.short(stated)}, which is not the current one")
                continue
            if rederived.refusal is not None:
                raise NotDerived(f"the re-derived {name} is refused: {rederived.refusal.what}")
            values[name], versions[name] = rederived.value, rederived.version
            if rederived.version != stated:
                changes.append(Deviation("input", name, stated, rederived.version))
        for name in specs.batch_inputs(asset):
            batches, changed = self._batches(name, manifest, name, self._store.partitions(name))
            values[name] = {handle.manifest.partition: handle.load() for handle in batches}
            changes += changed
        earlier: Sequence[Handle] = ()
        if calls.takes_earlier(asset):
            before = [batch for batch in self._store.partitions(asset) if batch < str(manifest.partition)]
            earlier, changed = self._batches(asset, manifest, "earlier", before)
            changes += changed
        return Inputs(
            values,
            versions,
            tuple(changes),
            tuple(notes),
            tuple(earlier),
            self._rebased(asset, manifest),
            self._scoring_context(asset, manifest),
        )

    def _batches(
        self, name: str, manifest: Manifest, parameter: str, batches: Sequence[str]
    ) -> tuple[list[Handle], list[Deviation]]:
        """Return the batches of an asset that a version was made from, and a cause if they are others now.

        The manifest states their digest. Batches that arrived since do not matter.

        Raises:
            NotDerived: batches were removed because of their age since it was made.
        """
        handles = [self._store.handle(name, partition=batch) for batch in batches]
        stated = manifest.parameters.get(parameter)
        for count in range(len(handles), -1, -1):
            if calls.digest_of_batches([handle.manifest for handle in handles[:count]]) == stated:
                return handles[:count], []
        if removed := self._removed_since(name, manifest):
            batches_removed = formatting.counted(removed, "batch", "batches")
            raise NotDerived(f"removed because of their age since it was made: {batches_removed} of {name}")
        now = calls.digest_of_batches([handle.manifest for handle in handles])
        return handles, [Deviation("input", f"{name} of the batches", stated, now)]

    def _removed_since(self, name: str, manifest: Manifest) -> int:
        """Return how many batches of an asset were removed after a version was made: it may have been made from them.

        Earlier removals cannot be why its batches are others now.
        """
        removed = (removals.find(self._store.backend, name, batch) for batch in self._store.removed_partitions(name))
        return sum(
            removal is not None and (not removal.at or removal.at[:19] >= manifest.made_at[:19]) for removal in removed
        )

    def _rebased(self, asset: str, manifest: Manifest) -> Any:
        """Return the accepted reference that a version was made with.

        Raises:
            NotDerived: it is damaged, or its decision is not in the audit log.
        """
        stated = manifest.parameters.get("rebase")
        if stated is None:
            return None
        try:
            entry = references.of_batch(self._store, manifest.partition)
            if entry is not None and entry.digest == stated:
                scored = self._store.handle("predictions", partition=manifest.partition).manifest
                return references.load(self._store, entry, scored.inputs["champion"])
        except WdbcError as error:
            raise NotDerived(error.what) from None
        raise NotDerived(f"the rebase with which {asset} was made is not in the history")

    def _scoring_context(self, asset: str, manifest: Manifest) -> calls.ScoringContext:
        """Return what held in production when a version was made.

        Raises:
            NotDerived: the model before it is damaged or was removed.
        """
        if not calls.takes_scoring_context(asset):
            return calls.ScoringContext()
        try:
            return scoring_context.as_stated(self._store, manifest.parameters)
        except WdbcError as error:
            raise NotDerived(error.what) from None

    def stated(self, asset: str, manifest: Manifest) -> Inputs:
        """Return the inputs as the manifest states them.

        Raises:
            NotDerived: An input is damaged or no longer exists.
        """
        values = {name: self._stored(name, manifest.inputs.get(name, ""), manifest) for name in _own_inputs(asset)}
        if calls.takes_earlier(asset) or specs.batch_inputs(asset):
            raise NotDerived("the batches that it was made from cannot be restored")
        return Inputs(values, dict(manifest.inputs), scoring_context=self._scoring_context(asset, manifest))

    def _stored(self, name: str, version: str, manifest: Manifest) -> Any:
        """Return a version of an input of the version that a manifest describes."""
        partition = _partition(name, manifest)
        rederived = self.rederived.get((name, partition))
        if rederived is not None and rederived.version == version:
            return rederived.value
        if (name, version) not in self._read:
            self._read[name, version] = self._load(name, version, manifest.run_id, partition)
        return self._read[name, version]

    def _load(self, name: str, version: str, run_id: str, partition: str | None) -> Any:
        try:
            manifest = self._store.current(name, partition)
            if manifest is None or manifest.version != version:
                manifest = self._store.made_by(run_id, name, partition)
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


def _own_inputs(asset: str) -> list[str]:
    """Return the inputs that a manifest states by their versions: all but those of all batches."""
    return [name for name in specs.ASSETS[asset].inputs if name not in specs.batch_inputs(asset)]


def _partition(name: str, manifest: Manifest) -> str | None:
    """Return the batch of an input: that of the version that is made from it, if the input has batches."""
    return manifest.partition if specs.ASSETS[name].partitioned else None
