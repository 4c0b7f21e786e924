"""Predictions that the service keeps if it is configured to: what was answered, under a pseudonym of the request's id.

Neither a measurement nor the request's id is written.
"""

import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from wdbc_assets import clock
from wdbc_assets.domain.data import incoming
from wdbc_assets.pipeline import pseudonym_key
from wdbc_assets.pipeline.served_files import ServedFiles, ServedPrediction
from wdbc_assets.serving import telemetry
from wdbc_assets.serving.api import schemas

KEPT, DROPPED = "kept", "dropped"

_MAX_QUEUED = 20_000  # patients

_Answer = tuple[str, datetime, schemas.Predictions]


class Keeper:
    """The answers of one worker that are not written yet."""

    def __init__(self, files: ServedFiles, key_file: Path, *, worker: str) -> None:
        self._files = files
        self._key_file = key_file
        self._worker = worker
        self._lock = threading.Lock()
        self._waiting: list[_Answer] = []
        self._size = 0

    def offer(self, request_id: str, answer: schemas.Predictions) -> None:
        """Queue the predictions of a response."""
        with self._lock:
            fits = self._size + len(answer.predictions) <= _MAX_QUEUED
            if fits:
                self._size += len(answer.predictions)
                self._waiting.append((request_id, clock.now(), answer))
        if not fits:
            telemetry.KEPT.labels(DROPPED).inc(len(answer.predictions))

    def flush(self) -> None:
        """Write what is queued.

        Raises:
            OSError, WdbcError: it cannot be written, or the key of the pseudonyms cannot be read. It stays queued.
        """
        with self._lock:
            waiting = list(self._waiting)
        if not waiting:
            return
        key = pseudonym_key.load(self._key_file)
        predictions = [prediction for answer in waiting for prediction in _predictions(key, *answer)]
        self._files.put_predictions(predictions, self._worker, clock.now())
        with self._lock:
            del self._waiting[: len(waiting)]
            self._size -= len(predictions)
        telemetry.KEPT.labels(KEPT).inc(len(predictions))


def _predictions(
    key: bytes, request_id: str, moment: datetime, answer: schemas.Predictions
) -> Iterator[ServedPrediction]:
    names = incoming.request_pseudonyms(key, request_id, len(answer.predictions))
    for name, prediction in zip(names, answer.predictions, strict=True):
        yield ServedPrediction(
            id=name,
            probability=prediction.probability,
            triage=prediction.triage,
            above_threshold=prediction.above_threshold,
            model=answer.model.version,
            recipe=answer.model.recipe,
            predicted_at=moment.isoformat(timespec="seconds"),
        )
