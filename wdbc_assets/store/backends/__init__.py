"""Backends: where the files of a store are. One protocol, and one file for each kind of location.

    backend   the protocol, and its errors
    local     a folder on a disk: temporary file, fsync, rename, flock
    objects   an object store (S3, Google Cloud Storage, Azure) or memory, through obstore: conditional writes

What the files mean is no concern of a backend: see `store` and `paths`.
"""

import re
from pathlib import Path
from urllib.parse import unquote

from wdbc_assets import user_paths
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store.backends.backend import Backend, CannotRead, CannotWrite, Listed
from wdbc_assets.store.backends.local import LocalFolder
from wdbc_assets.store.backends.objects import ObjectFolder

__all__ = ["Backend", "CannotRead", "CannotWrite", "Listed", "LocalFolder", "ObjectFolder", "open_backend"]

_OBJECTS = ("memory", "s3", "gs", "az")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_LOST_SLASHES = re.compile(_SCHEME.pattern + r":/?[^/]*@")  # shown as a path, it would reveal its password


def open_backend(location: str, *, relative_to: Path) -> Backend:
    """Return the backend for a folder or URL. A relative folder is resolved against `relative_to`.

    Raises:
        WdbcError: the URL's scheme is not supported, or the address is incomplete.
    """
    scheme, separator, rest = location.partition("://")
    if not separator and location.lower().startswith("file:"):
        raise _no_folder("the store's address looks like a URL that lost its slashes")
    if not separator and _LOST_SLASHES.match(location):
        raise WdbcError(
            "the store's address looks like a URL that lost its slashes",
            where="WDBC_STORAGE",
            hint="Write scheme://user:password@host/folder, or use a folder name without @ and :.",
        )
    if not separator:
        return LocalFolder(user_paths.located(location, relative_to=relative_to, name="WDBC_STORAGE"))
    if scheme == "file":
        return LocalFolder(_of_file_url(rest))
    if scheme in _OBJECTS:
        return ObjectFolder(location)
    shown = f" {scheme}://" if _SCHEME.fullmatch(scheme) else ""
    raise WdbcError(
        f"the store's address cannot be used: its scheme{shown} is not supported",
        where="WDBC_STORAGE",
        hint="Use a folder, or a URL that starts with s3://, gs://, az:// or memory://.",
    )


def _of_file_url(rest: str) -> Path:
    """Return the folder of a URL file:///folder or file://localhost/folder, without its `file://`."""
    host, slash, path = rest.partition("/")
    if host not in ("", "localhost") or not slash:
        raise _no_folder("the store's file:// URL does not name an absolute folder on this machine")
    return user_paths.located(slash + unquote(path), relative_to=Path("/"), name="WDBC_STORAGE")


def _no_folder(what: str) -> WdbcError:
    return WdbcError(what, where="WDBC_STORAGE", hint="Write file:///folder, or the folder alone.")
