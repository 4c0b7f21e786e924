"""The key of the pseudonyms. Its holder can recognize a patient by the id; it never enters the store.

To rotate it, move the file aside: the next batch creates another one. Pseudonyms of one patient before and after a
rotation differ, so keep the old file as long as its batches are to be joined with outcomes.
"""

import contextlib
import hashlib
import os
import secrets
from pathlib import Path

from wdbc_assets import settings, user_paths
from wdbc_assets.domain.errors import WdbcError

_BYTES = 32
_DIGITS = 12


def configured(config: settings.Settings) -> Path:
    """Return the configured file of the key.

    Raises:
        WdbcError: the setting can be no path.
    """
    name = settings.variable("pseudonym_key_file")
    return user_paths.located(config.pseudonym_key_file, relative_to=settings.home(), name=name)


def load(path: Path) -> bytes:
    """Return the key in a file. If the file does not exist, create it with a random key, readable by its owner only.

    Raises:
        WdbcError: the file cannot be read or created, or contains no such key.
    """
    try:
        if not path.exists():
            _create(path)
        key = path.read_bytes()
    except OSError as error:
        raise WdbcError(
            f"the key of the pseudonyms cannot be read: {error.strerror}",
            where=str(path),
            hint="Fix the file's permissions, or set WDBC_PSEUDONYM_KEY_FILE to another file.",
        ) from None
    if len(key) != _BYTES:
        raise WdbcError(
            f"the key of the pseudonyms has {len(key)} bytes instead of {_BYTES}",
            where=str(path),
            hint="Restore the file from a backup. Without one, move it aside: a new key is created, and gives every"
            " patient another pseudonym.",
        )
    return key


def fingerprint(key: bytes) -> str:
    """Return what a batch states of the key of its pseudonyms, from which the key cannot be found."""
    return hashlib.sha256(key).hexdigest()[:_DIGITS]


def _create(path: Path) -> None:
    """Create the file whole, or leave the one that another process has created meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)  # unlike a rename, it replaces nothing
    finally:
        temporary.unlink(missing_ok=True)
