"""Put content into a store, and look at what lies there."""

import hashlib
from pathlib import Path

from wdbc_assets.store.store import Store


def put(store: Store, content: bytes, *, asset: str = "raw_data", run_id: str = "run-1", **facts: object) -> bool:
    return store.commit(store.draft(asset, content, run_id=run_id, **facts), run_id=run_id)  # type: ignore[arg-type]


def version_file(folder: Path, store: Store, asset: str = "raw_data") -> Path:
    manifest = store.handle(asset).manifest
    return folder / asset / "versions" / manifest.version / next(iter(manifest.files))


def snapshot(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
