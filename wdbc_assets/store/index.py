"""What lies in a store: every file, and every manifest that says what some of them are.

It lists the whole store, so it is for what is done now and then (cleaning up, going back, finding a version that is not
current any more), and not for a run.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import paths
from wdbc_assets.store.backends import Listed
from wdbc_assets.store.manifest import OF_CHAMPION, OF_RUN, POINTER, Manifest
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.store import Store

Key = tuple[str, str]
"""An asset and a version of it."""


@dataclass(frozen=True)
class Stated:
    """A manifest, in which file it stands, and when that was written."""

    manifest: Manifest
    file: Listed

    @property
    def key(self) -> Key:
        """Which version it is of."""
        return self.manifest.asset, self.manifest.version


@dataclass(frozen=True)
class Catalogue:
    """Everything at one instant.

    `versions` has the files of each version that lies there; `pointers` the current manifest of each asset; `stated`
    every manifest of each version, wherever it stands; `damaged` what is wrong with each manifest that cannot be read.
    """

    versions: dict[Key, list[Listed]]
    pointers: dict[str, Stated]
    stated: dict[Key, list[Stated]]
    damaged: list[DamagedStore]

    def whole(self, asset: str, prefix: str) -> list[Manifest]:
        """Return a manifest of each version of an asset that begins so, and whose files all lie there."""
        return [
            found[0].manifest
            for (name, version), found in self.stated.items()
            if name == asset and version.startswith(prefix) and self._lies_there(found[0].manifest)
        ]

    def newest(self, asset: str, fits: Callable[[Manifest], bool]) -> Manifest | None:
        """Return the newest manifest of an asset that fits, and whose files all lie there."""
        found = [
            one.manifest
            for (name, _), stated in self.stated.items()
            for one in stated
            if name == asset and fits(one.manifest) and self._lies_there(one.manifest)
        ]
        return max(found, key=lambda manifest: manifest.made_at, default=None)

    def _lies_there(self, manifest: Manifest) -> bool:
        names = {PurePosixPath(file.path).name for file in self.versions.get((manifest.asset, manifest.version), ())}
        return names >= set(manifest.files)


def read(store: Store) -> Catalogue:
    """List a store and read all of its manifests. One that is damaged says nothing, and is named among the damaged.

    Raises:
        WdbcError: the store cannot be listed to the end, or a newer release wrote it.
    """
    found = Catalogue(defaultdict(list), {}, defaultdict(list), [])
    for file in store.backend.listed():
        match PurePosixPath(file.path).parts:
            case (asset, "versions", version, _):
                found.versions[asset, version].append(file)
            case (asset, "current.json"):
                if stated := _stated(store, found, file, POINTER, asset):
                    found.pointers[asset] = stated
            case ("runs", _, name):
                _stated(store, found, file, OF_RUN, name.removesuffix(".json"))
            case (paths.CHAMPION, "promoted" | paths.CHALLENGERS, name):
                _stated(store, found, file, OF_CHAMPION, paths.CHAMPION, name.removesuffix(".json"))
            case _:
                pass
    return found


def find(store: Store, asset: str, prefix: str) -> Manifest:
    """Return the manifest of the one version of an asset that begins so and lies there whole, current or not.

    Raises:
        WdbcError: there is none, or more than one.
    """
    lies_there = read(store)
    found = lies_there.whole(asset, prefix)
    if len(found) == 1:
        return found[0]
    newest = sorted(lies_there.whole(asset, ""), key=lambda one: one.made_at, reverse=True)
    raise WdbcError(
        f"{'more than one version' if found else 'no version'} of {asset} in the store begins with {prefix}",
        where=store.url,
        hint=f"It has: {', '.join(one.version[:12] for one in newest) or 'none'} (the newest first).",
    )


def _stated(store: Store, found: Catalogue, file: Listed, name: str, asset: str, version: str = "") -> Stated | None:
    """Read a manifest into the catalogue: it has to be of the asset, and of the version, that its path names."""
    if not file.path.endswith(".json"):  # a writer is at it, or it was set aside
        return None
    where = f"{store.url}/{file.path}"
    try:
        content = store.backend.read(file.path)
        stated = Stated(Manifest.from_json(content, where=where, name=name, asset=asset, version=version), file)
    except FileNotFoundError:
        return None
    except DamagedStore as error:
        found.damaged.append(error)
        return None
    found.stated[stated.key].append(stated)
    return stated
