"""An index of a store: all files, and all manifests with the versions that they describe.

It lists the whole store. It is for occasional work (garbage collection, rollback, finding an old version), not for
runs.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import paths
from wdbc_assets.store.backends import Listed
from wdbc_assets.store.manifest import CHAMPION_MANIFEST, POINTER, RUN_MANIFEST, Manifest
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.store import Store

Key = tuple[str, str]
"""An asset and a version of it."""

Pointed = tuple[str, str | None]
"""What has a pointer: an asset, and one of its partitions if it has any."""


@dataclass(frozen=True)
class ManifestFile:
    """A manifest, its file, and when the file was written."""

    manifest: Manifest
    file: Listed

    @property
    def key(self) -> Key:
        """The version that the manifest describes."""
        return self.manifest.asset, self.manifest.version

    @property
    def pointed(self) -> Pointed:
        """What the manifest is a version of."""
        return self.manifest.asset, self.manifest.partition


@dataclass(frozen=True)
class StoreIndex:
    """The content of a store at one instant.

    `versions` has the files of each stored version; `pointers` each current manifest; `stated` every manifest of each
    version, wherever it is stored; `damaged` an error for each manifest that cannot be read;
    `removed` has the partitions that were removed on purpose.
    """

    versions: dict[Key, list[Listed]]
    pointers: dict[Pointed, ManifestFile]
    stated: dict[Key, list[ManifestFile]]
    damaged: list[DamagedStore]
    removed: set[Pointed]

    def is_removed(self, key: Key) -> bool:
        """Return whether a version belongs to removed partitions only."""
        named = {file.pointed for file in self.stated.get(key, ())}
        return bool(named) and named <= self.removed - self.pointers.keys()

    def whole(self, asset: str, prefix: str) -> list[Manifest]:
        """Return one manifest for each complete version of an asset whose digest starts with `prefix`."""
        return [
            files[0].manifest
            for (name, version), files in self.stated.items()
            if name == asset and version.startswith(prefix) and self._is_complete(files[0].manifest)
        ]

    def newest(self, asset: str, fits: Callable[[Manifest], bool]) -> Manifest | None:
        """Return the newest manifest of an asset that `fits` and whose version is complete."""
        manifests = [
            file.manifest
            for (name, _), files in self.stated.items()
            for file in files
            if name == asset and fits(file.manifest) and self._is_complete(file.manifest)
        ]
        return max(manifests, key=lambda manifest: manifest.made_at, default=None)

    def _is_complete(self, manifest: Manifest) -> bool:
        names = {PurePosixPath(file.path).name for file in self.versions.get((manifest.asset, manifest.version), ())}
        return names >= set(manifest.files)


def read(store: Store) -> StoreIndex:
    """List a store and read all of its manifests. Damaged manifests are collected in `damaged`.

    Raises:
        WdbcError: the store cannot be listed completely, or has a format that this release does not read.
    """
    files = store.backend.listed()
    index = StoreIndex(defaultdict(list), {}, defaultdict(list), [], _removed(files))
    for file in files:
        match PurePosixPath(file.path).parts:
            case ("runs", _, name):
                _stated(store, index, file, RUN_MANIFEST, name.removesuffix(".json"))
            case ("runs", _, asset, name):
                _stated(store, index, file, RUN_MANIFEST, asset, partition=name.removesuffix(".json"))
            case (asset, "versions", version, _):
                index.versions[asset, version].append(file)
            case (asset, paths.CURRENT):
                if stated := _stated(store, index, file, POINTER, asset):
                    index.pointers[stated.pointed] = stated
            case (asset, "partitions", partition, paths.CURRENT):
                if stated := _stated(store, index, file, POINTER, asset, partition=partition):
                    index.pointers[stated.pointed] = stated
            case (paths.CHAMPION, "promoted" | paths.CHALLENGERS, name):
                _stated(store, index, file, CHAMPION_MANIFEST, paths.CHAMPION, name.removesuffix(".json"))
            case _:
                pass
    return index


def _removed(files: Iterable[Listed]) -> set[Pointed]:
    parts = (PurePosixPath(file.path).parts for file in files)
    return {(path[0], path[2]) for path in parts if path[1:2] == ("partitions",) and path[3:] == (paths.REMOVED,)}


def find(store: Store, asset: str, prefix: str) -> Manifest:
    """Return the manifest of the only complete version of an asset that starts with `prefix`, current or not.

    Raises:
        WdbcError: there is none, or more than one.
    """
    index = read(store)
    matches = index.whole(asset, prefix)
    if len(matches) == 1:
        return matches[0]
    newest = sorted(index.whole(asset, ""), key=lambda manifest: manifest.made_at, reverse=True)
    raise WdbcError(
        f"{'more than one version' if matches else 'no version'} of {asset} in the store starts with {prefix}",
        where=store.url,
        hint="Versions, newest first: "
        f"{', '.join(formatting.short(manifest.version) for manifest in newest) or 'none'}.",
    )


def _stated(
    store: Store,
    index: StoreIndex,
    file: Listed,
    name: str,
    asset: str,
    version: str = "",
    *,
    partition: str | None = None,
) -> ManifestFile | None:
    """Add a manifest to the index. It must describe the asset, version and partition that its path names."""
    if not file.path.endswith(".json"):  # a temporary file, or one that was set aside
        return None
    where = f"{store.url}/{file.path}"
    try:
        content = store.backend.read(file.path)
        manifest = Manifest.from_json(
            content, where=where, name=name, asset=asset, version=version, partition=partition
        )
    except FileNotFoundError:
        return None
    except DamagedStore as error:
        index.damaged.append(error)
        return None
    stated = ManifestFile(manifest, file)
    index.stated[stated.key].append(stated)
    return stated
