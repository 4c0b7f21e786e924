"""The API keys in memory of a running service, reloaded when the key file changes."""

import asyncio
import hmac
import logging
from pathlib import Path

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.serving import api_keys, telemetry
from wdbc_assets.serving.access import Access
from wdbc_assets.serving.api_keys import Key

_NO_DIGEST = "0" * 64

logger = logging.getLogger("wdbc_assets.serving")


class Keyring:
    """The keys of one key file.

    While the file cannot be read, the previously loaded keys stay valid and `wdbc_keys_unreadable` is 1. If the file
    disappears, every request is rejected. In both cases every poll tries to read it again.
    """

    def __init__(self, path: Path, access: Access) -> None:
        self._path = path
        self._keys: dict[str, Key] = {}
        self._stamp: tuple[int, ...] | None = None
        self._problem = ""
        self.access = access
        self.poll()

    @property
    def open(self) -> bool:
        """Return whether requests without a key are accepted."""
        return self.access is not Access.KEYED

    async def watch(self, seconds: float) -> None:
        """Poll the file forever."""
        while True:
            await asyncio.sleep(seconds)
            self.poll()

    def poll(self) -> None:
        """Reload the file if it changed or could not be read. Never raises."""
        try:
            self._reload()
        except Exception as error:  # noqa: BLE001 -- if the watcher ended, revoked keys would stay valid
            if isinstance(error, api_keys.MissingKeyFile):
                self._keys = {}
            self._report(error)
        else:
            self._problem = ""
            telemetry.KEYS_UNREADABLE.set(0)

    def _reload(self) -> None:
        if self.access is Access.LOCAL and api_keys.ever_created(self._path):
            self.access = Access.KEYED
        if self.open:
            return
        stamp = _stamp(self._path)
        if stamp is None or stamp != self._stamp:
            self._stamp = None  # until the read succeeds: an unreadable file is tried at every poll
            self._keys = api_keys.read(self._path)
            self._stamp = stamp

    def _report(self, error: Exception) -> None:
        reason = error.what if isinstance(error, WdbcError) else type(error).__name__
        effect = "the previously loaded keys stay valid" if self._keys else "every request is rejected"
        problem = f"{reason}; {effect}"
        if problem != self._problem:
            logger.error("cannot reload the keys: %s", problem)
        self._problem = problem
        telemetry.KEYS_UNREADABLE.set(1)

    def key(self, given: str) -> Key | None:
        """Return the key if its secret is valid. Takes the same time whether or not the id exists."""
        id_, _, secret = given.partition(".")
        key = self._keys.get(id_)
        valid = hmac.compare_digest(api_keys.digest(secret), key.sha256 if key else _NO_DIGEST)
        return key if valid else None

    def knows(self, id_: str) -> bool:
        """Return whether a key with this id exists."""
        return id_ in self._keys


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)
