"""Manifests: what a version of an asset is and what it was derived from. An asset's pointer is a manifest.

A manifest is human-readable JSON that contains its own digest, so that damage is detected.
"""

import hashlib
import json
from dataclasses import dataclass, field, fields
from typing import Any, BinaryIO

from wdbc_assets.store import parsing, paths
from wdbc_assets.store.parsing import DamagedStore, Malformed, UnsupportedFormat

__all__ = [
    "CHAMPION_MANIFEST",
    "FORMAT",
    "POINTER",
    "RUN_MANIFEST",
    "DamagedStore",
    "Manifest",
    "StoredFile",
    "UnsupportedFormat",
    "stored_file",
    "stored_stream",
    "unsupported",
    "version_of",
]  # fmt: skip

FORMAT = 2
_PIECE = 1024**2

POINTER, RUN_MANIFEST, CHAMPION_MANIFEST = "pointer", "manifest of a run", "manifest of a champion"
"""The kinds of manifest files. The hint for a damaged one depends on its kind."""

_HINTS = {
    POINTER: "The asset's versions are unchanged. Run `wdbc run` to rebuild the asset, or overwrite this file with the "
    "asset's newest manifest from the store's folder `runs`.",
    RUN_MANIFEST: "Restore this file from a backup. Without one, delete it: it only records what an earlier run made.",
    CHAMPION_MANIFEST: "Restore this file from a backup. The bundle itself is unchanged.",
}


@dataclass(frozen=True)
class StoredFile:
    """One file of a version: its size in bytes and its SHA-256."""

    size: int
    sha256: str


@dataclass(frozen=True)
class RecordedCheck:
    """The result of one rule when a version was validated, without the failing rows."""

    rule: str
    passed: bool
    blocking: bool
    count: int
    summary: str


@dataclass(frozen=True)
class Manifest:
    """What a version is and where it came from.

    `version` is the digest of the files; `inputs` maps each input asset to the version that was read; `parameters` are
    the resolved parameters; `libraries` and `machine` describe the environment; `checks` holds the outcome of each rule
    of the contract, without rows; `origin` describes external bytes; `made_at` is UTC in ISO 8601; `partition` is the
    asset's partition that the version belongs to, if it has any.
    """

    asset: str
    version: str
    codec: str
    files: dict[str, StoredFile]
    made_at: str
    run_id: str
    seconds: float
    rows: int | None
    inputs: dict[str, str]
    parameters: dict[str, Any]
    code_version: str
    libraries: dict[str, str]
    machine: dict[str, str] = field(default_factory=dict)
    checks: list[RecordedCheck] = field(default_factory=list)
    origin: dict[str, Any] | None = None
    partition: str | None = None
    format: int = field(default=FORMAT)

    @property
    def size(self) -> int:
        """The size of the version in bytes."""
        return sum(file.size for file in self.files.values())

    def derivation(self) -> tuple[object, ...]:
        """Return what identifies the value and how it was made, for comparing two manifests."""
        return (self.version, self.codec, self.inputs, self.parameters, self.code_version, self.origin)

    def to_json(self) -> bytes:
        """Return the manifest as indented JSON that ends with its own digest."""
        content = _plain(self)
        return json.dumps({**content, "digest": _digest(content)}, indent=2, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def from_json(
        cls,
        content: bytes,
        *,
        where: str,
        name: str = POINTER,
        asset: str = "",
        version: str = "",
        partition: str | None = None,
    ) -> "Manifest":
        """Read a manifest. If `asset` or `version` is given, the manifest must match it; `partition` in any case.

        Raises:
            UnsupportedFormat: another release wrote it, in a format or with fields that this release does not read.
            DamagedStore: it is not a manifest, or was altered; the message calls it `name`.
        """
        try:
            plain = parsing.decode(content)
            stated = plain.pop("digest")
            number = plain["format"]
        except (Malformed, KeyError, TypeError, AttributeError):
            raise _damaged(name, where) from None
        if type(number) is int and number > FORMAT:
            raise unsupported(number, where)
        if stated != _digest(plain) or type(number) is not int:
            raise _damaged(name, where)
        if number != FORMAT or set(plain) - {entry.name for entry in fields(cls)}:
            raise unsupported(number, where)
        try:
            manifest = parsing.build(cls, plain)
        except Malformed:
            raise _damaged(name, where) from None
        fits = asset in ("", manifest.asset) and version in ("", manifest.version) and partition == manifest.partition
        if not fits or not manifest.can_be_read():
            raise _damaged(name, where)
        return manifest

    def can_be_read(self) -> bool:
        """Return whether its names are valid path components of the store, and it has at least one file."""
        digests = (self.version, *self.inputs.values(), *(file.sha256 for file in self.files.values()))
        return (
            bool(self.files)
            and paths.RUN.fullmatch(self.run_id) is not None
            and (self.partition is None or paths.PARTITION.fullmatch(self.partition) is not None)
            and all(map(paths.ASSET.fullmatch, (self.asset, *self.inputs)))
            and all(map(paths.FILE.fullmatch, self.files))
            and all(map(paths.VERSION.fullmatch, digests))
        )


def version_of(files: dict[str, StoredFile]) -> str:
    """Return the name of a version: what `sha256sum * | sha256sum` prints inside its folder."""
    listing = "".join(f"{file.sha256}  {name}\n" for name, file in sorted(files.items()))
    return hashlib.sha256(listing.encode()).hexdigest()


def stored_file(content: bytes) -> StoredFile:
    """Return size and digest of a file's content."""
    return StoredFile(len(content), hashlib.sha256(content).hexdigest())


def stated(content: bytes | StoredFile) -> StoredFile:
    """Return size and digest of a file that is in memory, or of one of which they are known already."""
    return stored_file(content) if isinstance(content, bytes) else content


def stored_stream(file: BinaryIO) -> StoredFile:
    """Return size and digest of what an open file contains, without holding it in memory."""
    digest, size = hashlib.sha256(), 0
    while piece := file.read(_PIECE):
        digest.update(piece)
        size += len(piece)
    return StoredFile(size, digest.hexdigest())


def unsupported(number: int, where: str) -> UnsupportedFormat:
    """Return the error for a store or manifest that an older or a newer release wrote."""
    if number < FORMAT:
        release, hint = "an older", "Move the store's folder aside, then run `wdbc run` to build a new store."
    else:
        release, hint = "a newer", "Upgrade wdbc_assets, or set WDBC_STORAGE to another store."
    return UnsupportedFormat(
        f"the store was written by {release} release: its format is {number}, but this release reads format {FORMAT}",
        where=where,
        hint=f"{hint} Nothing was changed.",
    )


def _plain(manifest: Manifest) -> dict[str, Any]:
    content = {entry.name: getattr(manifest, entry.name) for entry in fields(manifest)}
    if manifest.partition is None:
        del content["partition"]
    content["checks"] = parsing.plain(manifest.checks)
    content["files"] = {
        name: {"size": file.size, "sha256": file.sha256} for name, file in sorted(manifest.files.items())
    }
    return content


def _digest(content: dict[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _damaged(name: str, where: str) -> DamagedStore:
    return DamagedStore(f"the {name} is damaged: its content does not match its digest", where=where, hint=_HINTS[name])
