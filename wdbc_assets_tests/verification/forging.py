"""Tampering with a store: a flipped bit or a changed value, with or without matching digests."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wdbc_assets.store.manifest import stored_file, version_of


def stored(folder: Path, asset: str, name: str) -> Path:
    """Return the path of a file of the current version."""
    return folder / asset / "versions" / str(pointer(folder, asset)["version"]) / name


def pointer(folder: Path, asset: str) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads((folder / asset / "current.json").read_bytes())
    return plain


def flip(path: Path) -> None:
    """Flip one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def rewrite(folder: Path, asset: str, change: Callable[[dict[str, Any]], None], *, everywhere: bool = True) -> None:
    """Change a manifest and its digest; if `everywhere`, also the copy in the folder of the run."""
    plain = pointer(folder, asset)
    change(plain)
    del plain["digest"]
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    plain["digest"] = hashlib.sha256(canonical.encode()).hexdigest()
    for path in (
        folder / asset / "current.json",
        *([folder / "runs" / plain["run_id"] / f"{asset}.json"] * everywhere),
    ):
        path.write_text(json.dumps(plain))


def forge(folder: Path, asset: str, name: str, content: bytes, *, everywhere: bool = True) -> None:
    """Replace or add a file of a version, and update every digest."""
    path = stored(folder, asset, name)
    path.write_bytes(content)
    digests = {file.name: stored_file(file.read_bytes()) for file in path.parent.iterdir()}
    version = version_of(digests)
    path.parent.rename(path.parent.with_name(version))

    def change(plain: dict[str, Any]) -> None:
        plain["version"] = version
        plain["files"] = {name: {"size": file.size, "sha256": file.sha256} for name, file in sorted(digests.items())}

    rewrite(folder, asset, change, everywhere=everywhere)
