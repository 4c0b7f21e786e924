"""The keys as a running service holds them: read again when their file changes, and checked without scrypt's time.

The first request with a key costs scrypt's time; from then on this process knows the secret by a keyed digest that it
keeps in memory. A key that is revoked opens nothing from the next look at the file on.
"""

import asyncio
import hashlib
import hmac
import logging
import secrets
from pathlib import Path

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.serving import keys, metrics
from wdbc_assets.serving.keys import Key

logger = logging.getLogger("wdbc_assets.serving")


class Keyring:
    """The keys of one file. `open_without` lets everybody in for as long as there never was a key.

    Raises:
        WdbcError: the file cannot be read at the start. Later the keys that were read go on.
    """

    def __init__(self, path: Path, *, open_without: bool) -> None:
        self._path = path
        self._open_without = open_without
        self._stamp = _stamp(path)
        self._keys = keys.read(path)
        self._ever = bool(self._keys)
        self._digest_key = secrets.token_bytes(32)
        self._proven: dict[str, tuple[str, bytes]] = {}
        self._one_at_a_time = asyncio.Lock()

    @property
    def open(self) -> bool:
        """Say whether requests without a key are answered."""
        return self._open_without and not self._ever

    async def watch(self, seconds: float) -> None:
        """Look at the file for ever."""
        while True:
            await asyncio.sleep(seconds)
            self.look()

    def look(self) -> None:
        """Read the file again if it changed; keep what was read if it cannot be."""
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        try:
            self._keys = keys.read(self._path)
        except WdbcError as error:
            logger.error("the earlier keys go on: %s", error.what)  # noqa: TRY400 -- no bug whose stack would help
            metrics.KEYS_UNREADABLE.set(1)
        else:
            self._ever = self._ever or bool(self._keys)
            metrics.KEYS_UNREADABLE.set(0)
        self._stamp = stamp

    def known(self, given: str) -> Key | None:
        """Return the key if this process has seen its secret proven; takes microseconds."""
        id_, _, secret = given.partition(".")
        key, proof = self._keys.get(id_), self._proven.get(id_)
        if key is None or proof is None or proof[0] != key.hash:
            return None
        return key if hmac.compare_digest(proof[1], self._digest(secret)) else None

    async def prove(self, given: str) -> Key | None:
        """Return the key if the secret opens it; takes scrypt's time whether there is such a key or not."""
        id_, _, secret = given.partition(".")
        async with self._one_at_a_time:
            if (known := self.known(given)) is not None:
                return known
            key = self._keys.get(id_, keys.NOBODY)
            if not await asyncio.to_thread(key.opens_with, secret) or key is keys.NOBODY:
                return None
            self._proven[id_] = (key.hash, self._digest(secret))
        return self.known(given)

    def _digest(self, secret: str) -> bytes:
        return hmac.digest(self._digest_key, secret.encode(), hashlib.sha256)


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode)
