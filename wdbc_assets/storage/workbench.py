"""Finished parts of work that is not finished, kept so that an interrupted evaluation goes on where it was.

Parts are no versions: nothing is derived from them but the value that they are parts of, and one that is damaged or
lacks is simply done again. Their folder is named by the digest of all that they depend on.
"""

import hashlib
import json
from typing import Any

from wdbc_assets.storage import places
from wdbc_assets.storage.backend import Backend


class Workbench:
    """A place for the parts of one asset's work on certain inputs by certain code."""

    def __init__(self, backend: Backend, asset: str, depends_on: Any, *, anew: bool = False) -> None:
        key = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()
        self._backend = backend
        self._place = (asset, key)
        self._anew = anew

    def get(self, name: str) -> Any:
        """Return a part, or None if it is not there, is damaged, or all work is to be done anew."""
        if self._anew:
            return None
        try:
            stored = json.loads(self._backend.read(places.part(*self._place, name)))
            value, digest = stored["value"], stored["digest"]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
        return value if digest == _digest(value) else None

    def put(self, name: str, value: Any) -> None:
        """Keep a part: a plain value."""
        content = json.dumps({"value": value, "digest": _digest(value)}).encode()
        self._backend.replace(places.part(*self._place, name), content)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
