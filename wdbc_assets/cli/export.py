"""`wdbc export`: the current versions in the flat layout that other tools expect."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import click

from wdbc_assets import settings
from wdbc_assets.cli import folders, terminal
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import specs, staleness
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Handle, Store, open_store

_MANIFEST = "export.json"


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def export(folder: Path) -> None:
    """Write the current versions into DIR: raw/, train_test/, models/, metrics/, and export.json.

    They are written only if they belong together: the metrics are of this model, and that of this split of these data.
    DIR takes the place of an earlier export as a whole, or stays as it is. A folder that holds others is refused.
    """
    store = open_store(settings.load().storage, relative_to=settings.project_root())
    manifests = _belonging_together(store)
    contents = _contents(store, manifests)
    folders.put(folder, {**contents, _MANIFEST: _manifest(manifests, contents)})
    for name, content in contents.items():
        terminal.say(f"  {folder / name}  {len(content)} bytes")


def _belonging_together(store: Store) -> dict[str, Manifest]:
    """Return the current manifests of what the job makes.

    Raises:
        WdbcError: one was made of another version than the current one.
    """
    manifests = {asset: store.handle(asset).manifest for asset in specs.JOBS["train"]}
    for asset, manifest in manifests.items():
        for source in specs.ASSETS[asset].inputs:
            made_of, current = manifest.inputs.get(source, ""), manifests[source].version
            if made_of != current:
                raise WdbcError(
                    f"the current versions do not belong together: {asset} was made of {source}"
                    f" {staleness.short(made_of)}, and the current one is {staleness.short(current)}",
                    where=store.url,
                    hint="A run was interrupted, or goes on. Let it end, or run `wdbc run`; then export again.",
                )
    return manifests


def _contents(store: Store, manifests: Mapping[str, Manifest]) -> dict[str, bytes]:
    split = Handle(store, manifests["train_test_split"]).load()
    return {
        "raw/wdbc.data": Handle(store, manifests["raw_data"]).load(),
        **{
            f"train_test/{name}.csv": getattr(split, name).to_csv(index=False, lineterminator="\n").encode()
            for name in ("X_train", "X_test", "y_train", "y_test")
        },
        "models/pipeline.skops": store.files(manifests["fitted_pipeline"])["pipeline.skops"],
        "metrics/metrics.json": store.files(manifests["metrics"])["metrics.json"],
    }


def _manifest(manifests: Mapping[str, Manifest], contents: Mapping[str, bytes]) -> bytes:
    """State which versions were exported, and the digest of each file."""
    plain = {
        "versions": {asset: manifest.version for asset, manifest in manifests.items()},
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
    }
    return json.dumps(plain, indent=2).encode() + b"\n"
