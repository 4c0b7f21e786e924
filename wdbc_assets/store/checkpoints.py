"""Checkpoints: intermediate results of an unfinished evaluation, so that it can resume after an interruption.

Checkpoints are not versions. Nothing depends on them except the value that they belong to; a missing or damaged one is
computed again. Their folder is named by the digest of everything they depend on. It is kept after the work ends,
because more of the same work can reuse it. Folders of other inputs or code are removed once a value is stored, unless
they were written to recently.
"""

import contextlib
import json
import time
from typing import Any

from wdbc_assets.store import parsing, paths
from wdbc_assets.store.backends import Backend, CannotRead, CannotWrite
from wdbc_assets.store.parsing import DamagedStore, Malformed

IDLE_SECONDS = 24 * 3600  # far longer than any step: an idle folder belongs to no running work


class Checkpoints:
    """The checkpoints of one asset's work for given inputs and code."""

    def __init__(self, backend: Backend, asset: str, depends_on: Any, *, fresh: bool = False) -> None:
        self.folder = paths.parts(asset, parsing.digest(depends_on))
        self._backend = backend
        self._fresh = fresh

    def get(self, name: str) -> Any:
        """Return a checkpoint, or None if it is missing or damaged, or if `fresh` was set."""
        if self._fresh:
            return None
        try:
            stored = parsing.decode(self._backend.read(self._path(name)))
            value, digest = stored["value"], stored["digest"]
        except (FileNotFoundError, DamagedStore, Malformed, KeyError, TypeError):
            return None
        return value if digest == parsing.digest(value) else None

    def put(self, name: str, value: Any) -> None:
        """Store a checkpoint: a JSON value."""
        content = json.dumps({"value": value, "digest": parsing.digest(value)}).encode()
        self._backend.replace(self._path(name), content)

    def clear_others(self) -> None:
        """Remove the asset's idle checkpoints of other inputs or code."""
        parent, _, own = self.folder.rpartition("/")
        with contextlib.suppress(DamagedStore, CannotRead, CannotWrite):  # nothing depends on a removal
            written: dict[str, float] = {}
            for file in self._backend.listed(parent):
                name = file.path.removeprefix(f"{parent}/").partition("/")[0]
                written[name] = max(file.written, written.get(name, 0.0))
            for name, moment in written.items():
                if name != own and time.time() - moment > IDLE_SECONDS:
                    self._backend.remove(f"{parent}/{name}")

    def _path(self, name: str) -> str:
        return f"{self.folder}/{paths.file_name(name + '.json')}"
