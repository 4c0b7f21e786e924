"""The process in which a challenger scores: `python -m wdbc_assets.serving.models.shadow_worker VERSION NAME`.

It is the child of one worker of the service, and asks nothing of it but lines of JSON: a line is patients with what the
champion said of them, and the answer of how many so far the pairs lie in the store, under NAME, and how many had no
answer. Whatever happens to a challenger happens here: if it fails, hangs, leaks or crashes, no answer of the service is
touched. It ends when its input does, or when it hangs; a write that the store refuses is tried again.
"""

import json
import math
import os
import signal
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.registry import challenger
from wdbc_assets.registry.challenger import Experiment, Pair
from wdbc_assets.store import bundle_loader
from wdbc_assets.store.bundle_loader import Served
from wdbc_assets.store.store import Store, open_store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_NICENESS = 10  # the champion's answers come first
_IN_A_FILE = 10_000
_EVERY_SECONDS = 2.0


def main() -> int:
    """Score until the input ends; return the exit code."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # nothing but answers goes to whoever reads them
    os.nice(_NICENESS)
    chosen = settings.load()
    longest = math.ceil(2 * chosen.serve_challenger_seconds)
    store = open_store(chosen.storage, relative_to=settings.project_root())
    try:
        experiment = _experiment(store, sys.argv[1])
        served = bundle_loader.open_bundle(bundle_loader.read(store, experiment.challenger), sandboxed=True)
    except WdbcError as error:
        answers.write(json.dumps({"refused": error.what}) + "\n")
        return 1
    answers.write(json.dumps({"ready": True}) + "\n")
    book = _Book(store, experiment, sys.argv[2])
    failed = 0
    for line in sys.stdin:
        signal.alarm(longest)  # the worker ends a process that hangs, unless it is gone itself
        pairs, without = _scored(served, json.loads(line))
        signal.alarm(0)
        failed += without
        book.add(pairs)
        answers.write(json.dumps({challenger.SCORED: book.kept, challenger.FAILED: failed}) + "\n")
    book.put()
    return 0


def _experiment(store: Store, version: str) -> Experiment:
    experiment = challenger.current(store)
    if experiment is None or experiment.challenger.version != version:
        raise WdbcError("the experiment is over")
    return experiment


def _scored(served: Served, asked: list[dict[str, Any]]) -> tuple[list[Pair], int]:
    """Score patients, all at once if that works, else one by one; return the pairs, and how many got no answer."""
    import numpy as np

    if not asked:
        return [], 0
    X = np.array([one["x"] for one in asked], dtype=np.float64)
    p = _answer(served, X)
    found = list(p) if p is not None else [_answer(served, row[None]) for row in X]
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    pairs = [
        Pair(now, one["request"], one["row"], one["p"], float(said if p is not None else said[0]), one["answered"])
        for one, said in zip(asked, found, strict=True)
        if said is not None
    ]
    return pairs, len(asked) - len(pairs)


def _answer(served: Served, X: "Array") -> "Array | None":
    import numpy as np

    try:
        p = np.asarray(served.probabilities(X), dtype=np.float64)
    except Exception:  # noqa: BLE001 -- whatever a challenger raises is no answer, and all that is asked is how many
        return None
    sound = p.shape == (len(X),) and np.isfinite(p).all() and (p >= 0).all() and (p <= 1).all()
    return p if sound else None


class _Book:
    """Puts the pairs into the store every few seconds; `kept` says how many of them lie there."""

    def __init__(self, store: Store, experiment: Experiment, name: str) -> None:
        self._store = store
        self._experiment = experiment
        self._name = name
        self._part = 1
        self._pairs: list[Pair] = []
        self._in_store = 0
        self._tried = time.monotonic()
        self.kept = 0

    def add(self, pairs: list[Pair]) -> None:
        self._pairs += pairs
        if time.monotonic() - self._tried > _EVERY_SECONDS:
            self.put()

    def put(self) -> None:
        """Put down what is not yet; a file that is full is not touched again.

        Raises:
            CannotWrite, or what fsspec raises: the store refuses it, and too much waits for it to accept.
        """
        self._tried = time.monotonic()
        waiting = len(self._pairs) - self._in_store
        if not waiting:
            return
        try:
            challenger.put_pairs(self._store, self._experiment, f"{self._name}-{self._part}", self._pairs)
        except Exception:
            if waiting > _IN_A_FILE:
                raise
            return
        self.kept += waiting
        self._in_store = len(self._pairs)
        if self._in_store >= _IN_A_FILE:
            self._pairs, self._in_store, self._part = [], 0, self._part + 1


if __name__ == "__main__":
    sys.exit(main())
