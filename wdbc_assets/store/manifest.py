"""A manifest: what one version of an asset is, and what it was derived from. The pointer of an asset is a manifest.

It is JSON that a person can read. It carries its own digest, so that damage is found and never believed.
"""

import hashlib
import json
from dataclasses import dataclass, field, fields
from typing import Any

from wdbc_assets.store import parsing, paths
from wdbc_assets.store.parsing import DamagedStore, Malformed, UnsupportedFormat

__all__ = [
    "FORMAT",
    "OF_CHAMPION",
    "OF_RUN",
    "POINTER",
    "DamagedStore",
    "Manifest",
    "StoredFile",
    "UnsupportedFormat",
    "stored_file",
    "unsupported",
    "version_of",
]  # fmt: skip

FORMAT = 2

POINTER, OF_RUN, OF_CHAMPION = "pointer", "manifest of a run", "manifest of a champion"
"""What a manifest may be: each is damaged in other words, for other things are to be done."""

_HINTS = {
    POINTER: "The versions beside it are untouched. Run `wdbc run` to make the asset again, or copy the newest "
    "manifest of this asset from the store's folder `runs` over it.",
    OF_RUN: "Restore this file from a backup. Without one, delete it: it says what an earlier run made.",
    OF_CHAMPION: "Restore this file from a backup. The bundle beside it is untouched.",
}


@dataclass(frozen=True)
class StoredFile:
    """One file of a version: its size in bytes and its SHA-256."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a version is and whence it came.

    `version` is the digest of the files; `inputs` maps each input asset to the version that was read; `parameters`
    are the resolved parameters; `libraries` and `machine` are what it was made with and on; `checks` is how the value
    stood to each rule of its contract, without rows; `origin` says where bytes from outside came from; `made_at` is
    UTC in ISO 8601.
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
    checks: list[dict[str, Any]] = field(default_factory=list)
    origin: dict[str, Any] | None = None
    format: int = field(default=FORMAT)

    @property
    def size(self) -> int:
        """Size of the version, in bytes."""
        return sum(file.size for file in self.files.values())

    def derivation(self) -> tuple[object, ...]:
        """Return all that tells whether two manifests state the same value, made the same way."""
        return (self.version, self.inputs, self.parameters, self.code_version, self.origin)

    def to_json(self) -> bytes:
        """Return the manifest as indented JSON that ends with its own digest."""
        content = _plain(self)
        return json.dumps({**content, "digest": _digest(content)}, indent=2, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def from_json(
        cls, content: bytes, *, where: str, name: str = POINTER, asset: str = "", version: str = ""
    ) -> "Manifest":
        """Read a manifest back. It must be of the asset and of the version that its place is for, if they are given.

        Raises:
            UnsupportedFormat: another release wrote it, in a format or with fields that this release does not read.
            DamagedStore: it is no manifest, or not the one that was written there; `name` says what it is.
        """
        try:
            plain = parsing.decode(content)
            stated = plain.pop("digest")
            number = plain["format"]
        except (Malformed, KeyError, TypeError, AttributeError):
            raise _damaged(name, where) from None
        if type(number) is int and number > FORMAT:
            raise unsupported(number, where)
        if stated != _digest(plain):
            raise _damaged(name, where)
        if number != FORMAT or set(plain) - {entry.name for entry in fields(cls)}:
            raise unsupported(number, where)
        try:
            manifest = parsing.build(cls, plain)
        except Malformed:
            raise _damaged(name, where) from None
        if not manifest.can_be_read() or asset not in ("", manifest.asset) or version not in ("", manifest.version):
            raise _damaged(name, where)
        return manifest

    def can_be_read(self) -> bool:
        """Return whether its names can be parts of a path in the store, and there is a file to read."""
        digests = (self.version, *self.inputs.values(), *(file.sha256 for file in self.files.values()))
        return (
            bool(self.files)
            and paths.RUN.fullmatch(self.run_id) is not None
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
    content["files"] = {
        name: {"size": file.size, "sha256": file.sha256} for name, file in sorted(manifest.files.items())
    }
    return content


def _digest(content: dict[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _damaged(name: str, where: str) -> DamagedStore:
    return DamagedStore(f"the {name} is damaged: it is not what was written", where=where, hint=_HINTS[name])
