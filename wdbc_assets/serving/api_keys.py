"""The key file: who may use the service, and for what. It holds digests of the secrets, never a secret.

A key is `id.secret`. The secret has 256 random bits and is shown once, so one SHA-256 is enough to keep it: a slow hash
protects what people choose, and nobody can guess 256 random bits.

Once a key was created the service asks for keys for good. Three files say so, and each of them is enough: the key file,
the lock beside it, and a marker in the instance's home, which is made before the first key is written.
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

from wdbc_assets import locks, settings
from wdbc_assets.domain.errors import WdbcError

SCOPES = ("predict", "admin")
FORMAT = 2
MARKER = "service-keys"
_ROOT = 0
_OTHERS_MAY = 0o077
_LARGEST_BYTES = 2**20
_ID = re.compile(r"[0-9a-f]{12}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_CREATE_AGAIN = "Restore it, or remove it and create the keys again with `wdbc key create NAME`."


class MissingKeyFile(WdbcError):
    """There is no key file."""


@dataclass(frozen=True)
class Key:
    """One key: its owner's name, its scopes, and the SHA-256 digest of its secret."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: str
    sha256: str


def place(location: str, *, relative_to: Path) -> Path:
    """Return the absolute path of the key file."""
    return (relative_to / Path(location).expanduser()).absolute()


def digest(secret: str) -> str:
    """Return the SHA-256 digest of a secret in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def ever_created(path: Path) -> bool:
    """Return whether keys were ever created for this file or in this instance.

    A place that cannot be examined counts as a yes: the service must not open because a folder became unreadable.
    """
    return any(_exists(evidence) for evidence in (path, _lock(path), settings.home() / MARKER))


def read(path: Path) -> dict[str, Key]:
    """Return the keys by their ids.

    Raises:
        MissingKeyFile: there is no such file.
        WdbcError: the file is damaged, of another format, or not its owner's alone.
    """
    content = _content(path)
    try:
        plain = json.loads(content.decode(), object_pairs_hook=_without_duplicates)
        if isinstance(plain, dict) and plain.get("format") == 1:
            raise WdbcError(
                "the key file has format 1, which is not read any more",
                where=str(path),
                hint="Remove it and create the keys again with `wdbc key create NAME`.",
            )
        return _from_plain(plain)
    except (ValueError, RecursionError):
        raise WdbcError("the key file is damaged", where=str(path), hint=_CREATE_AGAIN) from None


def create(path: Path, name: str, scopes: tuple[str, ...]) -> tuple[Key, str]:
    """Add a key to the file; return it with the whole key in plain text, which is stored nowhere.

    Raises:
        WdbcError: the name is invalid or taken, or a file cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise WdbcError(
            "a key cannot have such a name", hint="Use up to 64 letters, digits, spaces, dots, _ and -, ASCII."
        )
    _record_creation()
    with _locked(path):
        keys = read_if_any(path)
        if any(key.name == name for key in keys.values()):
            raise WdbcError(f"there is a key named {name}", where=str(path), hint="Revoke it, or choose another name.")
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
    """Remove the key of that name or id from the file, and return it.

    Raises:
        WdbcError: there is no such key, or the file cannot be written.
    """
    read(path)  # before the lock, whose file would say that there were keys
    with _locked(path):
        keys = read(path)
        revoked = next((key for key in keys.values() if name in (key.name, key.id)), None)
        if revoked is None:
            raise WdbcError(f"there is no key {name[:64]!a}", where=str(path), hint="See `wdbc key list`.")
        _write(path, {id_: key for id_, key in keys.items() if id_ != revoked.id})
    return revoked


def read_if_any(path: Path) -> dict[str, Key]:
    """Return the keys by their ids; none if there is no file."""
    try:
        return read(path)
    except MissingKeyFile:
        return {}


def _content(path: Path) -> bytes:
    """Read the file; a pipe, a device, or a file that others could have written or may read is refused."""
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
                    "others than its owner may read the key file", where=str(path), hint=f"Run: chmod 600 {path}"
                )
            content = file.read(_LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise MissingKeyFile(
            "there is no key file",
            where=str(path),
            hint="Create a key with `wdbc key create NAME`, or correct WDBC_SERVE_KEYS.",
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise WdbcError(f"the key file cannot be read: {reason}", where=str(path), hint=_CREATE_AGAIN) from None
    if len(content) > _LARGEST_BYTES:
        raise WdbcError(f"the key file is larger than {_LARGEST_BYTES:,} bytes", where=str(path), hint=_CREATE_AGAIN)
    return content


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name occurs twice")
    return dict(pairs)


def _from_plain(plain: object) -> dict[str, Key]:
    if not isinstance(plain, dict) or set(plain) != {"format", "keys"} or not isinstance(plain["keys"], list):
        raise ValueError("not a key file")
    if plain["format"] is not FORMAT:
        raise ValueError("unknown format")
    keys = [_key(entry) for entry in plain["keys"]]
    by_id = {key.id: key for key in keys}
    if len(by_id) != len(keys) or len({key.name for key in keys}) != len(keys):
        raise ValueError("an id or a name occurs twice")
    return by_id


def _key(entry: object) -> Key:
    if not isinstance(entry, dict) or set(entry) != set(Key.__dataclass_fields__):
        raise ValueError("not a key")
    scopes = entry["scopes"]
    if not isinstance(scopes, list) or not scopes or not all(scope in SCOPES for scope in scopes):
        raise ValueError("unknown scope")
    texts = {name: value for name, value in entry.items() if name != "scopes"}
    if not all(isinstance(value, str) for value in texts.values()):
        raise ValueError("not a text")
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
        raise _unwritable(marker, error, "Set DAGSTER_HOME to a folder that you may write.") from None


def _write(path: Path, keys: dict[str, Key]) -> None:
    content = json.dumps({"format": FORMAT, "keys": [asdict(key) for key in keys.values()]}, indent=2) + "\n"
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _unwritable(path, error) from None


def _lock(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold off another `wdbc key` while the file is read and written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(_lock(path), flags, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from None
    with locks.held(descriptor, "the lock of the key file", where=str(_lock(path))):
        yield


def _unwritable(
    path: Path, error: OSError, hint: str = "Set WDBC_SERVE_KEYS to a file that you may write."
) -> WdbcError:
    return WdbcError(f"the keys cannot be written: {error.strerror}", where=str(path), hint=hint)
