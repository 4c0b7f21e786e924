"""Tampering with a store: a flipped bit or a changed value, with or without matching digests."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wdbc_assets.store import paths
from wdbc_assets.store.manifest import stored_file, version_of


def stored(folder: Path, asset: str, name: str, *, batch: str | None = None) -> Path:
    """Return the path of a file of the current version."""
    return folder / asset / "versions" / str(pointer(folder, asset, batch=batch)["version"]) / name


def pointer(folder: Path, asset: str, *, batch: str | None = None) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(_pointer_file(folder, asset, batch).read_bytes())
    return plain


def _pointer_file(folder: Path, asset: str, batch: str | None) -> Path:
    return folder / paths.pointer(asset, batch)


def flip(path: Path) -> None:
    """Flip one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def rewrite(
    folder: Path,
    asset: str,
    change: Callable[[dict[str, Any]], None],
    *,
    everywhere: bool = True,
    batch: str | None = None,
) -> None:
    """Change a manifest and its digest; if `everywhere`, also the copy in the folder of the run."""
    plain = pointer(folder, asset, batch=batch)
    change(plain)
    del plain["digest"]
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    plain["digest"] = hashlib.sha256(canonical.encode()).hexdigest()
    for path in (
        _pointer_file(folder, asset, batch),
        *([folder / paths.made_by(plain["run_id"], asset, batch)] * everywhere),
    ):
        path.write_text(json.dumps(plain))


def forge(
    folder: Path, asset: str, name: str, content: bytes, *, everywhere: bool = True, batch: str | None = None
) -> None:
    """Replace or add a file of a version, and update every digest."""
    path = stored(folder, asset, name, batch=batch)
    path.write_bytes(content)
    digests = {file.name: stored_file(file.read_bytes()) for file in path.parent.iterdir()}
    version = version_of(digests)
    path.parent.rename(path.parent.with_name(version))

    def change(plain: dict[str, Any]) -> None:
        plain["version"] = version
        plain["files"] = {name: {"size": file.size, "sha256": file.sha256} for name, file in sorted(digests.items())}

    rewrite(folder, asset, change, everywhere=everywhere, batch=batch)
