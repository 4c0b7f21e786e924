"""The reading half of a store: pointers, versions and rejections. Whatever is read is verified.

A version is returned only if its files match the digests in its manifest, and never unpickled. Damage is an error that
names the file and what to do.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import backends, codecs, parsing, paths, removals, table_files
from wdbc_assets.store.manifest import (
    FORMAT,
    POINTER,
    RUN_MANIFEST,
    Manifest,
    StoredFile,
    stored_file,
    stored_stream,
    unsupported,
    version_of,
)
from wdbc_assets.store.parsing import DamagedStore, Malformed
from wdbc_assets.store.removals import Removed
from wdbc_assets.store.table_files import StoredPlace, TableFile

T = TypeVar("T")

# A run does not rebuild the champion: it changes by promotion only.
MOST_COMPARED = 2**24
"""A table that is read in parts is compared cell by cell, and so held in memory, up to this size in bytes."""

_HINTS = {paths.CHAMPION: "Roll back to an earlier champion (`wdbc rollback --reason TEXT`), or promote another."}


class NeverMade(WdbcError):
    """An asset has no current version yet."""


@dataclass(frozen=True)
class _Format:
    format: int


@dataclass(frozen=True)
class Refusal:
    """The last rejected attempt at an asset: when (UTC in ISO 8601), in which run, and the reasons."""

    at: str
    run_id: str
    reasons: list[str]


@dataclass(frozen=True)
class Handle:
    """A stored version that has not been read yet."""

    store: "StoreReader"
    manifest: Manifest

    def load(self) -> Any:
        """Read the version, verify it, and return its value.

        Raises:
            DamagedStore: a file is missing, was altered, or does not contain such a value.
        """
        return self.store.value(self.manifest)


class StoreReader:
    """Versions and pointers in one location, for reading."""

    def __init__(self, backend: backends.Backend) -> None:
        self.backend = backend
        self.url = backend.url

    @cached_property
    def _understood(self) -> bool:
        try:
            number = parsing.read(_Format, self.backend.read(paths.FORMAT_FILE)).format
        except FileNotFoundError:
            return True
        except (Malformed, DamagedStore) as error:
            raise DamagedStore(
                f"the store's format file is damaged: {getattr(error, 'what', error)}",
                where=self._where(paths.FORMAT_FILE),
                hint="Delete it: the next run recreates it. All versions are unchanged.",
            ) from None
        if number != FORMAT:
            raise unsupported(number, self._where(paths.FORMAT_FILE))
        return True

    def require_known_format(self) -> None:
        """Reject a store of another format.

        Raises:
            DamagedStore: the store's format file is damaged.
            UnsupportedFormat: another release wrote the store.
        """
        _ = self._understood

    def current(self, asset: str, partition: str | None = None) -> Manifest | None:
        """Return the manifest of the current version of an asset, or of a partition of it; None if there is none.

        Raises:
            DamagedStore: the pointer is damaged.
            UnsupportedFormat: the store has a format that this release does not read.
        """
        return self._manifest(paths.pointer(asset, partition), asset, partition)

    def partitions(self, asset: str) -> list[str]:
        """Return the partitions of an asset that have a current version, sorted by name."""
        return self._partitions_with(paths.CURRENT, asset)

    def removed_partitions(self, asset: str) -> list[str]:
        """Return the partitions of an asset that were removed on purpose, sorted by name."""
        return self._partitions_with(paths.REMOVED, asset)

    def _partitions_with(self, name: str, asset: str) -> list[str]:
        _ = self._understood
        folder = paths.partitions(asset)
        listed = (file.path.removeprefix(f"{folder}/").split("/") for file in self.backend.listed(folder))
        return sorted(parts[0] for parts in listed if parts[1:] == [name] and paths.PARTITION.fullmatch(parts[0]))

    def require_not_removed(self, asset: str, partition: str | None) -> None:
        """Raise Removed if this is a partition that was removed on purpose."""
        removals.require_none(self.backend, asset, partition)

    def made_by(self, run_id: str, asset: str, partition: str | None = None) -> Manifest | None:
        """Return what a run made or kept of an asset, so that one run uses one version throughout."""
        return self._manifest(paths.made_by(run_id, asset, partition), asset, partition, RUN_MANIFEST)

    def handle(self, asset: str, *, run_id: str | None = None, partition: str | None = None) -> Handle:
        """Return the version that a run made of the asset, or of a partition of it, or else the current one.

        Raises:
            NeverMade: there is neither.
            Removed: the partition was removed.
        """
        manifest = (self.made_by(run_id, asset, partition) if run_id else None) or self.current(asset, partition)
        if manifest is None:
            self.require_not_removed(asset, partition)
            raise NeverMade(
                f"{asset} has never been materialized" + (f" for the partition {partition}" if partition else ""),
                where=self.url,
                hint=f"Materialize {asset} first, or run `wdbc run`.",
            )
        return Handle(self, manifest)

    def files(self, manifest: Manifest) -> dict[str, bytes]:
        """Read the files of a version and verify each against the manifest.

        Raises:
            DamagedStore: a file is missing or was altered.
        """
        contents = {name: self._intact(manifest, name, self._read) for name in manifest.files}
        self._require_version(manifest)
        return contents

    def damage(self, manifest: Manifest) -> str | None:
        """Return what is wrong with the stored files of a version, or None if they are intact.

        No file is held in memory.
        """
        try:
            for name in manifest.files:
                self._intact(manifest, name, self._measure)
            self._require_version(manifest)
        except (DamagedStore, Removed) as error:
            return error.what
        return None

    def _intact(self, manifest: Manifest, name: str, read: Callable[[str], tuple[T, StoredFile]]) -> T:
        """Return what `read` returns for one file of a version, if that is what the manifest states."""
        path = paths.version_file(manifest, name)
        try:
            result, stored = read(path)
        except FileNotFoundError:
            removals.require_none(self.backend, manifest.asset, manifest.partition)  # meanwhile
            raise self._damage(manifest, path, "is missing") from None
        except DamagedStore as error:
            raise self._damage(manifest, path, f"cannot be read: {error.what}") from None
        if stored != manifest.files[name]:
            raise self._damage(manifest, path, "was altered: its digest does not match the manifest")
        return result

    def _read(self, path: str) -> tuple[bytes, StoredFile]:
        content = self.backend.read(path)
        return content, stored_file(content)

    def _measure(self, path: str) -> tuple[None, StoredFile]:
        with self.backend.open(path) as file:
            return None, stored_stream(file)

    def _open(self, path: str) -> tuple[TableFile, StoredFile]:
        """Return a file that is read in parts. What is read is what was verified: the file stays open."""
        file = table_files.local_copy(self.backend.open(path))
        stored = stored_stream(file)
        return TableFile(file, StoredPlace.of(file, self.url, path, stored)), stored

    def _require_version(self, manifest: Manifest) -> None:
        if version_of(manifest.files) != manifest.version:
            raise self._damage(manifest, paths.version(manifest), "does not match the digest in its name")

    def value(self, manifest: Manifest) -> Any:
        """Read a version, verify it, and return its value.

        Raises:
            DamagedStore: a file is missing, was altered, or does not contain such a value.
        """
        contents: dict[str, bytes | TableFile] = {}
        for name in manifest.files:
            large = codecs.is_large(manifest.codec, name)
            read: Callable[[str], tuple[bytes | TableFile, StoredFile]] = self._open if large else self._read
            contents[name] = self._intact(manifest, name, read)
        self._require_version(manifest)
        try:
            return codecs.decode(manifest.codec, contents)
        except (WdbcError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 -- libraries raise anything for files with other content
            reason = str(error) if isinstance(error, Malformed) else type(error).__name__
            raise self._damage(manifest, "", f"cannot be decoded, although its digest matches ({reason})") from None

    def document(self, manifest: Manifest, name: str) -> dict[str, Any]:
        """Read and verify the JSON object in one file of a version.

        Raises:
            DamagedStore: a file is missing, was altered, or does not contain a JSON object.
        """
        try:
            plain = parsing.decode(self.files(manifest)[name])
        except (Malformed, KeyError):
            plain = None
        if not isinstance(plain, dict):
            raise self._damage(manifest, paths.version_file(manifest, name), "does not contain a JSON object")
        return plain

    def found(self, manifest: Manifest) -> dict[str, bytes | StoredFile | None]:
        """Read the files of a version without verification, None for a missing one.

        Of tables of more than `MOST_COMPARED` bytes that are read in parts, return sizes and digests. Use it to find
        out what has changed, never to compute anything.
        """

        def found(name: str) -> bytes | StoredFile | None:
            stated = codecs.is_large(manifest.codec, name) and manifest.files[name].size > MOST_COMPARED
            path = paths.version_file(manifest, name)
            return self._stated(path) if stated else self._content(path)

        return {name: found(name) for name in manifest.files}

    def refusal(self, asset: str) -> Refusal | None:
        """Return when and why the last attempt at an asset was rejected, or None if a later one succeeded.

        A damaged record counts as a rejection. The next success clears it.
        """
        try:
            note = parsing.decode(self.backend.read(paths.refusal(asset)))
            return parsing.build(Refusal, note) if note else None
        except FileNotFoundError:
            return None
        except (Malformed, DamagedStore) as error:
            why = f"the record of it is damaged ({paths.refusal(asset)}): {getattr(error, 'what', error)}"
            return Refusal("unknown", "unknown", [why])

    def _manifest(self, path: str, asset: str, partition: str | None, name: str = POINTER) -> Manifest | None:
        if not self._understood:
            return None
        try:
            content = self.backend.read(path)
        except FileNotFoundError:
            return None
        return Manifest.from_json(content, where=self._where(path), name=name, asset=asset, partition=partition)

    def _stated(self, path: str) -> StoredFile | None:
        try:
            return self._measure(path)[1]
        except (FileNotFoundError, DamagedStore):
            return None

    def _content(self, path: str) -> bytes | None:
        try:
            return self.backend.read(path)
        except (FileNotFoundError, DamagedStore):
            return None

    def folder(self, manifest: Manifest) -> str:
        """Return the path or URL of a version's folder."""
        return self._where(paths.version(manifest))

    def _where(self, path: str) -> str:
        return f"{self.url.rstrip('/')}/{path}"

    def _damage(self, manifest: Manifest, path: str, problem: str) -> DamagedStore:
        if manifest.partition is None:
            hint = _HINTS.get(manifest.asset, "Run `wdbc run` to rebuild this asset.")
        else:
            hint = f"Materialize {manifest.asset} again for {manifest.partition}: `wdbc ui`."
        return DamagedStore(
            f"stored file of {manifest.asset} {problem}",
            where=self._where(path or paths.version(manifest)),
            hint=f"{hint} The damaged file is never used.",
        )
