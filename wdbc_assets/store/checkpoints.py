"""Finished parts of work that is not finished, kept so that an interrupted evaluation goes on where it was.

Parts are no versions: nothing is derived from them but the value that they are parts of, and one that is damaged or
lacks is simply done again. Their folder is named by the digest of all that they depend on. It outlives the work, for
more of the same work goes on from it; folders of other inputs or code go once a value is stored, and nobody is at work
in them.
"""

import hashlib
import json
from typing import Any

from wdbc_assets.store import parsing, paths
from wdbc_assets.store.backends import Backend
from wdbc_assets.store.parsing import DamagedStore, Malformed

IDLE_SECONDS = 24 * 3600  # far more than any part takes: who has put nothing down for so long is not at work


class Checkpoints:
    """A place for the parts of one asset's work on certain inputs by certain code."""

    def __init__(self, backend: Backend, asset: str, depends_on: Any, *, anew: bool = False) -> None:
        key = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()
        self.folder = paths.parts(asset, key)
        self._backend = backend
        self._anew = anew

    def get(self, name: str) -> Any:
        """Return a part, or None if it is not there, is damaged, or all work is to be done anew."""
        if self._anew:
            return None
        try:
            stored = parsing.decode(self._backend.read(self._part(name)))
            value, digest = stored["value"], stored["digest"]
        except (FileNotFoundError, DamagedStore, Malformed, KeyError, TypeError):
            return None
        return value if digest == _digest(value) else None

    def put(self, name: str, value: Any) -> None:
        """Keep a part: a plain value."""
        content = json.dumps({"value": value, "digest": _digest(value)}).encode()
        self._backend.replace(self._part(name), content)

    def clear_others(self) -> None:
        """Remove the asset's parts of other inputs or code, but for those of work that may still go on."""
        self._backend.discard_beside(self.folder, idle_seconds=IDLE_SECONDS)

    def _part(self, name: str) -> str:
        return f"{self.folder}/{paths.file_name(name + '.json')}"


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
