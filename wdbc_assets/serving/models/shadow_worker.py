"""The process in which a challenger scores: `python -m wdbc_assets.serving.models.shadow_worker VERSION NAME`.

It is a child of one worker of the service and communicates in lines of JSON: each line of input is a batch of
`QueuedPatient`, and is answered with a `Reply`, as is the start. If the challenger fails, hangs, leaks memory or
crashes, only this process is affected. It exits when its input ends or when it hangs. A failed write to the store is
retried.
"""

import json
import math
import os
import signal
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.registry import challenger
from wdbc_assets.registry.challenger import Pair
from wdbc_assets.registry.experiment import Experiment
from wdbc_assets.store import bundle_loader
from wdbc_assets.store.bundle_loader import Served
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_NICENESS = 10  # the champion's responses have priority
_PAIRS_PER_FILE = 10_000
_STORE_SECONDS = 2.0


class QueuedPatient(NamedTuple):
    """One patient for the challenger: its request and row, measurements, the champion's probability, who served it."""

    request: str
    row: int
    x: list[float]
    p: float
    answered: str


class Reply(NamedTuple):
    """The total numbers of pairs stored under NAME and of patients that could not be scored.

    `refusal` is the reason why the process cannot start, or empty.
    """

    scored: int = 0
    failed: int = 0
    refusal: str = ""


def main() -> int:
    """Score until the input ends; return the exit code."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # output of libraries must not mix with the replies
    os.nice(_NICENESS)
    options = settings.load()
    timeout = math.ceil(2 * options.serve_challenger_seconds)
    store = options.open_store()
    try:
        experiment = _experiment(store, sys.argv[1])
        served = bundle_loader.open_bundle(bundle_loader.read(store, experiment.challenger), sandboxed=True)
    except WdbcError as error:
        replies.write(json.dumps(Reply(refusal=error.what)) + "\n")
        return 1
    replies.write(json.dumps(Reply()) + "\n")
    writer = _PairWriter(store, experiment, sys.argv[2])
    failed = 0
    for line in sys.stdin:
        signal.alarm(timeout)  # in case the parent, which kills a hanging process, has died
        pairs, unscored = _score(served, [QueuedPatient(*entry) for entry in json.loads(line)])
        signal.alarm(0)
        failed += unscored
        writer.add(pairs)
        replies.write(json.dumps(Reply(writer.stored, failed)) + "\n")
    writer.store_pending()
    return 0


def _experiment(store: Store, version: str) -> Experiment:
    experiment = challenger.current(store)
    if experiment is None or experiment.challenger.version != version:
        raise WdbcError("the experiment has ended")
    return experiment


def _score(served: Served, patients: list[QueuedPatient]) -> tuple[list[Pair], int]:
    """Score patients in one batch or, if that fails, one by one; return the pairs and the number of failures."""
    import numpy as np

    if not patients:
        return [], 0
    X = np.array([patient.x for patient in patients], dtype=np.float64)
    batch = _probabilities(served, X)
    rows = [_probabilities(served, row[None]) for row in X] if batch is None else batch[:, None]
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    pairs = [
        Pair(now, patient.request, patient.row, patient.p, float(p[0]), patient.answered)
        for patient, p in zip(patients, rows, strict=True)
        if p is not None
    ]
    return pairs, len(patients) - len(pairs)


def _probabilities(served: Served, X: "Array") -> "Array | None":
    import numpy as np

    try:
        p = np.asarray(served.probabilities(X), dtype=np.float64)
    except Exception:  # noqa: BLE001 -- whatever a challenger raises, its patients count as failed
        return None
    valid = p.shape == (len(X),) and np.isfinite(p).all() and (p >= 0).all() and (p <= 1).all()
    return p if valid else None


class _PairWriter:
    """Writes pairs to the store every few seconds. `stored` is the number of pairs written so far."""

    def __init__(self, store: Store, experiment: Experiment, name: str) -> None:
        self._store = store
        self._experiment = experiment
        self._name = name
        self._file_number = 1
        self._pairs: list[Pair] = []
        self._written = 0
        self._last_attempt = time.monotonic()
        self.stored = 0

    def add(self, pairs: list[Pair]) -> None:
        self._pairs += pairs
        if time.monotonic() - self._last_attempt > _STORE_SECONDS:
            self.store_pending()

    def store_pending(self) -> None:
        """Write the pending pairs. A full file is never rewritten.

        Raises:
            CannotWrite: The write failed, and too many pairs are pending.
        """
        self._last_attempt = time.monotonic()
        pending = len(self._pairs) - self._written
        if not pending:
            return
        try:
            challenger.put_pairs(self._store, self._experiment, f"{self._name}-{self._file_number}", self._pairs)
        except Exception:
            if pending > _PAIRS_PER_FILE:
                raise
            return
        self.stored += pending
        self._written = len(self._pairs)
        if self._written >= _PAIRS_PER_FILE:
            self._pairs, self._written, self._file_number = [], 0, self._file_number + 1


if __name__ == "__main__":
    sys.exit(main())
