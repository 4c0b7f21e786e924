"""The process in which a challenger scores: `python -m wdbc_assets.serving.shadow_process VERSION`.

It is the child of one worker of the service, and asks nothing of it but lines of JSON: a line is patients with what the
champion said of them, and the answer how many were scored and how many were not. Whatever happens to a challenger
happens here: if it fails, hangs, leaks or crashes, no answer of the service is touched. It ends when its input does.
"""

import json
import os
import secrets
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.serving import champion
from wdbc_assets.storage import trials
from wdbc_assets.storage.bundles import Served
from wdbc_assets.storage.store import Store, open_store
from wdbc_assets.storage.trials import Pair, Trial

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_NICENESS = 10  # the champion's answers come first
_IN_A_FILE = 10_000
_MOST = 200_000  # pairs that one process keeps: far more than a gate can use, and some 30 MB
_EVERY_SECONDS = 2.0


def main() -> int:
    """Score until the input ends; return the exit code."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # nothing but answers goes to whoever reads them
    os.nice(_NICENESS)
    chosen = settings.load()
    store = open_store(chosen.storage, relative_to=settings.project_root())
    try:
        trial = _trial(store, sys.argv[1])
        served = champion.opened(store.files(trial.challenger)).served
    except WdbcError as error:
        answers.write(json.dumps({"refused": error.what}) + "\n")
        return 1
    answers.write(json.dumps({"ready": True}) + "\n")
    book = _Book(store, trial)
    for line in sys.stdin:
        scored, failed = _scored(served, json.loads(line))
        book.add(scored)
        answers.write(json.dumps({trials.SCORED: len(scored), trials.FAILED: failed}) + "\n")
    book.close()
    return 0


def _trial(store: Store, version: str) -> Trial:
    trial = trials.current(store)
    if trial is None or trial.challenger.version != version:
        raise WdbcError("the trial is over")
    return trial


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
    """Keeps the pairs, and puts them into the store every few seconds."""

    def __init__(self, store: Store, trial: Trial) -> None:
        self._store = store
        self._trial = trial
        self._pairs: list[Pair] = []
        self._room = _MOST
        self._written = time.monotonic()
        self._unwritten = False
        self._name = _fresh_name()

    def add(self, pairs: list[Pair]) -> None:
        self._pairs += pairs[: self._room]
        self._room -= min(self._room, len(pairs))
        self._unwritten = self._unwritten or bool(pairs)
        if time.monotonic() - self._written > _EVERY_SECONDS:
            self.close()

    def close(self) -> None:
        """Put down what is not yet; a file that is full is not touched again."""
        if not self._unwritten:
            return
        trials.put_pairs(self._store, self._trial, self._name, self._pairs)
        self._written, self._unwritten = time.monotonic(), False
        if len(self._pairs) >= _IN_A_FILE:
            self._pairs, self._name = [], _fresh_name()


def _fresh_name() -> str:
    return f"{time.time_ns()}-{secrets.token_hex(4)}"


if __name__ == "__main__":
    sys.exit(main())
