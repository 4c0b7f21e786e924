"""The file of keys: who may use the service, and for what. Only hashes of the secrets are in it.

A key is `id.secret`; the secret has 256 random bits and is shown once. Its hash is scrypt's (RFC 7914, n = 2^14, r = 8,
p = 1: 16 MiB and some 50 ms), with a salt of its own; the parameters stand beside each hash, so that they may change.
"""

import base64
import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wdbc_assets.domain.errors import WdbcError

SCOPES = ("predict", "admin")
_FORMAT = 1
_COST = {"n": 2**14, "r": 8, "p": 1}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}")
_OTHERS_MAY = 0o077


@dataclass(frozen=True)
class Key:
    """One key: whom it was made for, what it opens, and the hash of its secret."""

    id: str
    name: str
    scopes: tuple[str, ...]
    made_at: str
    salt: str
    cost: dict[str, int]
    hash: str

    def opens_with(self, secret: str) -> bool:
        """Say whether this is the secret; takes scrypt's time whatever the answer."""
        return hmac.compare_digest(_hash(secret, self.salt, self.cost), base64.b64decode(self.hash))


NOBODY = Key("", "", (), "", base64.b64encode(bytes(16)).decode(), _COST, base64.b64encode(bytes(32)).decode())
"""Opens for no secret, and takes as long as any other: whether an id exists is not to be told by the time."""


def place(location: str, *, relative_to: Path) -> Path:
    """Return where the file of keys lies."""
    return (relative_to / Path(location).expanduser()).absolute()


def read(path: Path) -> dict[str, Key]:
    """Return the keys by their ids; none if there is no file.

    Raises:
        WdbcError: the file is damaged, or others than its owner may read it.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise WdbcError(f"the keys cannot be read: {error.strerror}", where=str(path), mend="Mend the file.") from None
    if mode & _OTHERS_MAY:
        raise WdbcError(
            "others than its owner may read the file of keys", where=str(path), mend=f"Run: chmod 600 {path}"
        )
    try:
        keys = _all_from_plain(json.loads(content))
    except (ValueError, KeyError, TypeError):
        raise WdbcError(
            "the file of keys is damaged",
            where=str(path),
            mend="Restore it, or remove it and create the keys again with `wdbc key create`.",
        ) from None
    return {key.id: key for key in keys}


def create(path: Path, name: str, scopes: tuple[str, ...]) -> tuple[Key, str]:
    """Add a key to the file; return it and the whole key in plain text, which is kept nowhere.

    Raises:
        WdbcError: the name is none, or taken; or the file cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise WdbcError(
            "a key cannot have such a name", mend="Use up to 64 letters, digits, spaces, dots, _ and -, ASCII."
        )
    with _locked(path):
        keys = read(path)
        if any(key.name == name for key in keys.values()):
            raise WdbcError(f"there is a key named {name}", where=str(path), mend="Revoke it, or choose another name.")
        secret, salt = secrets.token_urlsafe(32), base64.b64encode(secrets.token_bytes(16)).decode()
        key = Key(
            id=secrets.token_hex(6),
            name=name,
            scopes=tuple(scope for scope in SCOPES if scope in scopes),
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            salt=salt,
            cost=_COST,
            hash=base64.b64encode(_hash(secret, salt, _COST)).decode(),
        )
        _write(path, {**keys, key.id: key})
    return key, f"{key.id}.{secret}"


def revoke(path: Path, name: str) -> Key:
    """Remove the key of that name or id from the file, and return it.

    Raises:
        WdbcError: there is none, or the file cannot be written.
    """
    with _locked(path):
        keys = read(path)
        found = next((key for key in keys.values() if name in (key.name, key.id)), None)
        if found is None:
            raise WdbcError(f"there is no key {name[:64]!a}", where=str(path), mend="See `wdbc key list`.")
        _write(path, {id_: key for id_, key in keys.items() if id_ != found.id})
    return found


def _hash(secret: str, salt: str, cost: dict[str, int]) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=base64.b64decode(salt), **cost, dklen=32)


def _all_from_plain(plain: dict[str, Any]) -> list[Key]:
    if plain["format"] != _FORMAT:
        raise ValueError("another format")
    return [_from_plain(one) for one in plain["keys"]]


def _from_plain(plain: dict[str, Any]) -> Key:
    key = Key(**{**plain, "scopes": tuple(plain["scopes"])})
    if len(base64.b64decode(key.hash, validate=True)) != len(base64.b64decode(NOBODY.hash)) or not key.id:
        raise ValueError("no hash")
    if not set(key.scopes) <= set(SCOPES) or set(key.cost) != set(_COST):
        raise ValueError("unknown scope or cost")
    return key


def _write(path: Path, keys: dict[str, Key]) -> None:
    content = json.dumps({"format": _FORMAT, "keys": [asdict(key) for key in keys.values()]}, indent=2) + "\n"
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _unwritable(path, error) from None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold off another `wdbc key` while the file is read and written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _unwritable(path: Path, error: OSError) -> WdbcError:
    return WdbcError(
        f"the keys cannot be written: {error.strerror}",
        where=str(path),
        mend="Set WDBC_SERVE_KEYS to a file that you may write.",
    )
