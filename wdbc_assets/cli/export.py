"""`wdbc export`: write the current versions as plain files for other tools."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import click

from wdbc_assets import settings
from wdbc_assets.cli import folders, terminal
from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import specs
from wdbc_assets.pipeline.engines import large
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Handle, Store

_MANIFEST = "export.json"


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def export(folder: Path) -> None:
    """Write the current versions into DIR: raw/, train_test/, models/, metrics/, and export.json.

    The versions must be consistent: the metrics of this model, trained on this split of these data. An earlier export
    in DIR is replaced atomically. A folder that contains any other file is refused.
    """
    store = settings.load().open_store()
    manifests = _consistent_manifests(store)
    contents = _contents(store, manifests)
    folders.put(folder, {**contents, _MANIFEST: _manifest(manifests, contents)})
    for name, content in contents.items():
        terminal.say(f"  {folder / name}  {len(content)} bytes")


def _consistent_manifests(store: Store) -> dict[str, Manifest]:
    """Return the current manifests of the assets of the job `train`.

    Raises:
        WdbcError: An asset was made from an input version that is not the current one.
    """
    manifests = {asset: store.handle(asset).manifest for asset in specs.JOBS["train"]}
    for asset, manifest in manifests.items():
        for source in specs.ASSETS[asset].inputs:
            used, current = manifest.inputs.get(source, ""), manifests[source].version
            if used != current:
                raise WdbcError(
                    f"the current versions are inconsistent: {asset} was made from {source} {formatting.short(used)},"
                    f" but the current version is {formatting.short(current)}",
                    where=store.url,
                    hint="A run was interrupted or is still running. Wait for it or run `wdbc run`, then export again.",
                )
    return manifests


def _contents(store: Store, manifests: Mapping[str, Manifest]) -> dict[str, bytes]:
    values = {name: Handle(store, manifests[name]).load() for name in ("raw_data", "train_test_split")}
    large.refuse("wdbc export", values)
    split = values["train_test_split"]
    return {
        "raw/wdbc.data": values["raw_data"],
        **{
            f"train_test/{name}.csv": getattr(split, name).to_csv(index=False, lineterminator="\n").encode()
            for name in ("X_train", "X_test", "y_train", "y_test")
        },
        "models/pipeline.skops": store.files(manifests["fitted_pipeline"])["pipeline.skops"],
        "metrics/metrics.json": store.files(manifests["metrics"])["metrics.json"],
    }


def _manifest(manifests: Mapping[str, Manifest], contents: Mapping[str, bytes]) -> bytes:
    """Return export.json: the exported versions and the digest of each file."""
    plain = {
        "versions": {asset: manifest.version for asset, manifest in manifests.items()},
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
    }
    return json.dumps(plain, indent=2).encode() + b"\n"
