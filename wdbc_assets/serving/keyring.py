"""The keys as a running service holds them: read again when their file changes."""

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
    """The keys of one file.

    While the file cannot be read, the keys that were read before stay valid and `wdbc_keys_unreadable` is 1. If the
    file is missing, every key is rejected. Either way it is read again at every look.
    """

    def __init__(self, path: Path, access: Access) -> None:
        self._path = path
        self._keys: dict[str, Key] = {}
        self._stamp: tuple[int, ...] | None = None
        self._problem = ""
        self.access = access
        self.look()

    @property
    def open(self) -> bool:
        """Return whether requests without a key are answered."""
        return self.access is not Access.KEYED

    async def watch(self, seconds: float) -> None:
        """Look at the file for ever."""
        while True:
            await asyncio.sleep(seconds)
            self.look()

    def look(self) -> None:
        """Read the file again if it changed or could not be read; never raise."""
        try:
            self._follow()
        except Exception as error:  # noqa: BLE001 -- a watcher that ends would leave revoked keys valid
            if isinstance(error, api_keys.MissingKeyFile):
                self._keys = {}
            self._report(error)
        else:
            self._problem = ""
            telemetry.KEYS_UNREADABLE.set(0)

    def _follow(self) -> None:
        if self.access is Access.LOCAL and api_keys.ever_created(self._path):
            self.access = Access.KEYED
        if self.open:
            return
        stamp = _stamp(self._path)
        if stamp is None or stamp != self._stamp:
            self._stamp = None  # until it was read: a file that could not be is read at every look
            self._keys = api_keys.read(self._path)
            self._stamp = stamp

    def _report(self, error: Exception) -> None:
        reason = error.what if isinstance(error, WdbcError) else type(error).__name__
        problem = f"{reason}; " + ("the keys read before stay valid" if self._keys else "every request is rejected")
        if problem != self._problem:
            logger.error("the keys cannot be refreshed: %s", problem)
        self._problem = problem
        telemetry.KEYS_UNREADABLE.set(1)

    def key(self, given: str) -> Key | None:
        """Return the key whose secret was given; takes the same time whether its id exists or not."""
        id_, _, secret = given.partition(".")
        key = self._keys.get(id_)
        valid = hmac.compare_digest(api_keys.digest(secret), key.sha256 if key else _NO_DIGEST)
        return key if valid else None

    def knows(self, id_: str) -> bool:
        """Return whether there is a key of this id."""
        return id_ in self._keys


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)
