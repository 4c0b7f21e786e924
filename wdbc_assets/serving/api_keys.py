"""The key file: API keys and their scopes. It stores digests of the secrets, never a secret.

A key is `id.secret`. The secret has 256 random bits and is shown only once. Plain SHA-256 is sufficient: slow hashes
protect passwords that people choose, while 256 random bits cannot be guessed.

Once a key was created, the service requires keys permanently. Any of three files is evidence of that: the key file,
the lock file beside it, and a marker in the home of the instance, which is created before the first key is written.
"""

import contextlib
import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wdbc_assets import locks, settings, user_paths
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store.backends import atomic

SCOPES = ("predict", "admin")
FORMAT = 2
_OLD_FORMAT = 1  # with scrypt hashes
MARKER = "service-keys"
_ROOT = 0
_OTHERS_MAY = 0o077
_MAX_BYTES = 2**20
_ID = re.compile(r"[0-9a-f]{12}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_CREATE_AGAIN = "Restore it, or remove it and create the keys again with `wdbc key create NAME`."


class MissingKeyFile(WdbcError):
    """The key file does not exist."""


@dataclass(frozen=True)
class Key:
    """One API key: name of its owner, scopes, and the SHA-256 digest of its secret."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: str
    sha256: str


def locate(location: str, *, relative_to: Path) -> Path:
    """Return the path of the key file. A link stays one, because the service has to notice that it leads elsewhere.

    Raises:
        WdbcError: there can be no file of that name.
    """
    return user_paths.located(location, relative_to=relative_to, name="WDBC_SERVE_KEYS")


def digest(secret: str) -> str:
    """Return the hexadecimal SHA-256 digest of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def ever_created(path: Path) -> bool:
    """Return whether a key was ever created in this file or in this instance.

    Evidence that cannot be examined counts as present: an unreadable folder must not open the service.
    """
    return any(_exists(evidence) for evidence in (path, _lock(path), settings.home() / MARKER))


def read(path: Path) -> dict[str, Key]:
    """Return the keys by id.

    Raises:
        MissingKeyFile: The file does not exist.
        WdbcError: The file is damaged, has an unsupported format, or is accessible to other users.
    """
    content = _content(path)
    try:
        document = json.loads(content.decode(), object_pairs_hook=_without_duplicates)
        if isinstance(document, dict) and document.get("format") is _OLD_FORMAT:
            raise WdbcError(
                "the key file has format 1, which is no longer supported",
                where=str(path),
                hint="Remove it and create the keys again with `wdbc key create NAME`.",
            )
        return _parse(document)
    except (ValueError, RecursionError):
        raise WdbcError("the key file is damaged", where=str(path), hint=_CREATE_AGAIN) from None


def create(path: Path, name: str, scopes: tuple[str, ...]) -> tuple[Key, str]:
    """Add a key to the file and return it with its plain text `id.secret`, which is not stored.

    Raises:
        WdbcError: The name is invalid or already in use, or a file cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise WdbcError(
            "invalid key name",
            hint="Use up to 64 ASCII letters, digits, spaces, dots, _ and -, starting with a letter or digit.",
        )
    if _ID.fullmatch(name):
        raise WdbcError(
            "a key cannot be named like the id of a key", hint="Use a name that is not 12 hexadecimal digits."
        )
    _record_creation()
    path = _linked(path)
    with _locked(path):
        keys = read_if_any(path)
        if any(key.name == name for key in keys.values()):
            raise WdbcError(
                f"a key named {name} already exists", where=str(path), hint="Revoke it, or choose another name."
            )
        secret = secrets.token_urlsafe(32)
        key = Key(
            id=secrets.token_hex(6),
            name=name,
            scopes=tuple(scope for scope in SCOPES if scope in scopes),
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            sha256=digest(secret),
        )
        _write(path, {**keys, key.id: key})
    return key, f"{key.id}.{secret}"


def revoke(path: Path, name: str) -> Key:
    """Remove the key with this name or id from the file and return it.

    Raises:
        WdbcError: There is no such key, or the file cannot be written.
    """
    read(path)  # before locking: the lock file would be evidence that keys were created
    path = _linked(path)
    with _locked(path):
        keys = read(path)
        revoked = next((key for key in keys.values() if name in (key.name, key.id)), None)
        if revoked is None:
            raise WdbcError(
                f"no key has the name or id {name[:64]!a}", where=str(path), hint="List the keys with `wdbc key list`."
            )
        _write(path, {id_: key for id_, key in keys.items() if id_ != revoked.id})
    return revoked


def read_if_any(path: Path) -> dict[str, Key]:
    """Return the keys by id, or an empty mapping if the file does not exist."""
    try:
        return read(path)
    except MissingKeyFile:
        return {}


def _content(path: Path) -> bytes:
    """Read the file. Reject a pipe, a device, and a file that other users own or can access."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise WdbcError("the key file is not a regular file", where=str(path), hint=_CREATE_AGAIN)
            if status.st_uid not in (os.geteuid(), _ROOT):
                raise WdbcError(
                    "the key file belongs to another user",
                    where=str(path),
                    hint=f"Run as its owner, or: chown {os.geteuid()} {path}",
                )
            if status.st_mode & _OTHERS_MAY:
                raise WdbcError(
                    "the key file is accessible to other users", where=str(path), hint=f"Run: chmod 600 {path}"
                )
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise MissingKeyFile(
            "the key file does not exist",
            where=str(path),
            hint="Create a key with `wdbc key create NAME`, or correct WDBC_SERVE_KEYS.",
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "invalid path"
        raise WdbcError(f"the key file cannot be read: {reason}", where=str(path), hint=_CREATE_AGAIN) from None
    if len(content) > _MAX_BYTES:
        raise WdbcError(f"the key file exceeds {_MAX_BYTES:,} bytes", where=str(path), hint=_CREATE_AGAIN)
    return content


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("duplicate name")
    return dict(pairs)


def _parse(document: object) -> dict[str, Key]:
    if not isinstance(document, dict) or set(document) != {"format", "keys"} or not isinstance(document["keys"], list):
        raise ValueError("not a key file")
    if document["format"] is not FORMAT:
        raise ValueError("unknown format")
    keys = [_key(entry) for entry in document["keys"]]
    by_id = {key.id: key for key in keys}
    if len(by_id) != len(keys) or len({key.name for key in keys}) != len(keys):
        raise ValueError("duplicate id or name")
    return by_id


def _key(entry: object) -> Key:
    if not isinstance(entry, dict) or set(entry) != set(Key.__dataclass_fields__):
        raise ValueError("not a key")
    scopes = entry["scopes"]
    if not isinstance(scopes, list) or not scopes or not all(scope in SCOPES for scope in scopes):
        raise ValueError("unknown scope")
    texts = {name: value for name, value in entry.items() if name != "scopes"}
    if not all(isinstance(value, str) for value in texts.values()):
        raise ValueError("not a string")
    datetime.fromisoformat(texts["created_at"])
    for name, pattern in (("id", _ID), ("name", _NAME), ("sha256", _DIGEST)):
        if not pattern.fullmatch(texts[name]):
            raise ValueError(f"not a valid {name}")
    return Key(**texts, scopes=tuple(scopes))


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
    return True


def _record_creation() -> None:
    marker = settings.ensure_home() / MARKER
    try:
        marker.touch(mode=0o600)
    except OSError as error:
        raise _unwritable(marker, error, "Set DAGSTER_HOME to a writable folder.") from None


def _linked(path: Path) -> Path:
    """Return the file that a link leads to: replacing the link itself would leave every key of that file valid."""
    return Path(os.path.realpath(path))


def _write(path: Path, keys: dict[str, Key]) -> None:
    if path.exists() and path.stat().st_nlink > 1:
        raise WdbcError(
            "the key file has a second name (a hard link), whose keys would not change",
            where=str(path),
            hint="Remove the other name, or copy the file.",
        )
    content = json.dumps({"format": FORMAT, "keys": [asdict(key) for key in keys.values()]}, indent=2) + "\n"
    try:
        atomic.replace(path, [content.encode()], mode=0o600)
    except OSError as error:
        raise _unwritable(path, error) from None


def _lock(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of the key file, so that two `wdbc key` commands do not overwrite each other's change."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(_lock(path), flags, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from None
    with locks.held(descriptor, "the lock of the key file", where=str(_lock(path))):
        yield


def _unwritable(path: Path, error: OSError, hint: str = "Set WDBC_SERVE_KEYS to a writable file.") -> WdbcError:
    return WdbcError(f"the key file cannot be written: {error.strerror}", where=str(path), hint=hint)
