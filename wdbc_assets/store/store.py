"""The store: writes immutable versions, and moves pointers. `reader` verifies everything that is read.

    store.json                          the format of the whole store
    <asset>/current.json                the pointer: manifest of the current version
    <asset>/versions/<digest>/<files>   one immutable version, named by its content digest
    <asset>/partitions/<partition>/current.json   the pointer of a partition, if the asset has any
    <asset>/refused.json                why the last attempt was rejected, until one succeeds
    champion/...                        also what is in production, since when and why: see `registry`
    runs/<run id>/<asset>.json          what a run made or kept

Write order: the files of the version, then the run's manifest, then the pointer. A process killed in between leaves a
version without a pointer, never a pointer to an incomplete version.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wdbc_assets.store import backends, codecs, environment, paths, reuse
from wdbc_assets.store.checkpoints import Checkpoints
from wdbc_assets.store.manifest import (
    FORMAT,
    Manifest,
    RecordedCheck,
    StoredFile,
    stored_file,
    stored_stream,
    version_of,
)
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.reader import Handle, NeverMade, Refusal, StoreReader

__all__ = ["Draft", "Handle", "NeverMade", "Refusal", "Store", "open_store"]

_TRIES = 4


@dataclass(frozen=True)
class Draft:
    """A value ready to be stored: its files and its manifest."""

    value: Any = field(repr=False)  # it may hold patients' rows
    contents: Mapping[str, bytes] = field(repr=False)
    manifest: Manifest
    tables: Mapping[str, codecs.LargeFile] = field(default_factory=dict, repr=False)


class Store(StoreReader):
    """Versions and pointers in one location."""

    def draft(
        self,
        asset: str,
        value: Any,
        *,
        run_id: str,
        seconds: float = 0.0,
        inputs: Mapping[str, str] | None = None,
        parameters: Mapping[str, Any] | None = None,
        code_version: str = "",
        checks: Iterable[RecordedCheck] = (),
        origin: Mapping[str, Any] | None = None,
        partition: str | None = None,
        machines: Iterable[Mapping[str, str]] = (),
    ) -> Draft:
        """Convert a value to files and a manifest. Nothing is written yet.

        `machines` are those, besides this one, that computed the value.

        Raises:
            WdbcError: the asset's name is not a valid folder name, or the value has no storage format.
        """
        codec, contents, rows = codecs.encode(paths.asset_name(asset), value)
        tables = codecs.tables(codec, asset, value)
        files = {paths.file_name(name): stored_file(content) for name, content in contents.items()}
        files |= {paths.file_name(name): _stated(table) for name, table in tables.items()}
        manifest = Manifest(
            asset=asset,
            version=version_of(files),
            codec=codec,
            files=files,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            run_id=paths.run_name(run_id),
            seconds=round(seconds, 3),
            rows=rows,
            inputs=dict(inputs or {}),
            parameters=dict(parameters or {}),
            code_version=code_version,
            libraries=environment.libraries(),
            machine=environment.machine(*machines),
            checks=list(checks),
            origin=dict(origin) if origin else None,
            partition=paths.partition_name(partition),
        )
        return Draft(value, contents, manifest, tables)

    def commit(self, draft: Draft, *, run_id: str, continues: str | None = None, earlier: Collection[str] = ()) -> bool:
        """Write a version, then move the asset's pointer to it; return whether the pointer moved.

        The pointer does not move if another run replaced an input since it was read. The result is then kept as a
        version but does not become current.

        Args:
            draft: The version.
            run_id: The run.
            continues: The version that this one was made from, empty if there was none. If the asset has another
                current version meanwhile, the pointer does not move. By default any version is replaced.
            earlier: Inputs of which an earlier version was used on purpose: they need not be current.

        Raises:
            CannotWrite: runs on other machines moved the pointer again and again meanwhile.
        """
        if self.write(draft):
            reuse.note(self.backend, draft.manifest)
        self._note(draft.manifest, run_id)
        with self.backend.commit_lock():
            self.write(draft)  # before the lock is held, garbage collection may remove it
            return self._point(draft.manifest, continues, set(draft.manifest.inputs) - set(earlier))

    def add(self, draft: Draft) -> None:
        """Write a version and state what it is, as its run made it. No pointer changes."""
        self.write(draft)
        self._note(draft.manifest, draft.manifest.run_id)

    def write(self, draft: Draft) -> bool:
        """Write the missing and the damaged files of a version; return whether any was there. No pointer changes."""
        self._mark_format()
        there = False
        for name, content in draft.contents.items():
            path = paths.version_file(draft.manifest, name)
            if self._holds(path, content):
                there = True
            elif not self.backend.compare_and_swap(path, None, content):
                self.backend.replace(path, content)
        for name, table in draft.tables.items():
            path = paths.version_file(draft.manifest, name)
            if self._has(path, draft.manifest.files[name]):
                there = True
            else:
                self.backend.put_file(path, table.file)
        return there

    def keep(self, manifest: Manifest, *, run_id: str) -> None:
        """Record that a run found the current version up to date."""
        self._mark_format()
        self.forget_refusal(manifest.asset)
        self._note(manifest, run_id)

    def note_refusal(self, asset: str, *, run_id: str, reasons: Iterable[str]) -> None:
        """Record why an attempt was rejected, for `wdbc status`."""
        note = Refusal(datetime.now(UTC).isoformat(timespec="seconds"), run_id, list(reasons))
        self._mark_format()
        self.backend.replace(paths.refusal(asset), json.dumps(asdict(note), indent=2).encode())

    def forget_refusal(self, asset: str) -> None:
        """Record that an attempt succeeded, or that the asset is up to date."""
        if self.refusal(asset):
            self.backend.replace(paths.refusal(asset), b"{}")

    def checkpoints(self, asset: str, depends_on: Any, *, fresh: bool = False) -> Checkpoints:
        """Return the checkpoints of unfinished work. With `fresh`, ignore those of earlier attempts."""
        self._mark_format()
        return Checkpoints(self.backend, paths.asset_name(asset), depends_on, fresh=fresh)

    def _point(self, manifest: Manifest, continues: str | None, current_inputs: Collection[str]) -> bool:
        path = paths.pointer(manifest.asset, manifest.partition)
        for _ in range(_TRIES):
            stored = self._content(path)
            if not all(self._is_current(manifest, name) for name in current_inputs):
                return False
            earlier = self._current_or_damaged(manifest.asset, manifest.partition)
            if continues is not None and continues != (earlier.version if earlier else ""):
                return False
            if (earlier is not None and earlier.derivation() == manifest.derivation()) or (
                self.backend.compare_and_swap(path, stored, manifest.to_json())
            ):
                self.forget_refusal(manifest.asset)
                return True
        raise backends.CannotWrite(
            f"the pointer of {manifest.asset} was moved by other runs meanwhile, {_TRIES} times",
            where=self._where(path),
            hint="Run again. The version is stored, and the pointer is at one of those runs' versions.",
        )

    def _is_current(self, manifest: Manifest, name: str) -> bool:
        """Return whether an input is the current version of its asset, or of the same partition of it."""
        partitions = dict.fromkeys((manifest.partition, None))
        now = next(filter(None, (self._current_or_damaged(name, partition) for partition in partitions)), None)
        return now is not None and now.version == manifest.inputs[name]

    def _current_or_damaged(self, asset: str, partition: str | None) -> Manifest | None:
        # A good pointer replaces a damaged one; refusing would leave the store broken forever.
        try:
            return self.current(asset, partition)
        except DamagedStore:
            return None

    def _note(self, manifest: Manifest, run_id: str) -> None:
        path = paths.made_by(run_id, manifest.asset, manifest.partition)
        self.backend.replace(path, manifest.to_json())

    def _mark_format(self) -> None:
        content = json.dumps({"format": FORMAT}).encode() + b"\n"
        if self._understood and not self._holds(paths.FORMAT_FILE, content):
            self.backend.replace(paths.FORMAT_FILE, content)

    def _holds(self, path: str, content: bytes) -> bool:
        return self._content(path) == content

    def _has(self, path: str, stated: StoredFile) -> bool:
        """Return whether a file has this size and digest, without holding it in memory."""
        try:
            return self._measure(path)[1] == stated
        except (FileNotFoundError, DamagedStore):
            return False


def _stated(table: codecs.LargeFile) -> StoredFile:
    table.file.seek(0)
    return stored_stream(table.file)


def open_store(location: str, *, relative_to: Path) -> Store:
    """Return the store at a folder or URL. A relative folder is resolved against `relative_to`."""
    return Store(backends.open_backend(location, relative_to=relative_to))
