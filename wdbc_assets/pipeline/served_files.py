"""What the service leaves for the pipeline, below Dagster's home: one folder, and files that are whole or absent.

    served/windows/2026-W48_4f0c9d..._1.json     the sketch of a worker's patients, replaced while the window lasts
    served/predictions/20261126T161617..._4f0c9d....json    predictions, if the service keeps them
    served/refused/4f0c9d....json                a champion that a worker refuses, while it does
    served/damaged/                              files that could not be read
    served/reference-82c018e51790.npz            the reference of the sketches, see `pipeline.served_reference`

A file of a window is taken up `GRACE` after the window has ended. A worker writes it no later than half of that after
the end, and carries what is not written by then into the next window, so that nothing is counted twice.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from wdbc_assets import settings
from wdbc_assets.store import parsing
from wdbc_assets.store.backends import atomic
from wdbc_assets.store.parsing import DamagedStore

if TYPE_CHECKING:
    from wdbc_assets.domain.monitoring.served import ServedWindow

GRACE = timedelta(minutes=4)
"""How long after its end a window waits for its workers."""

REFUSED_SECONDS = 300.0
"""A refused champion is reported again at every look of its worker; a report that is older is of a worker that died."""

_SUFFIX = ".json"
_PRIVATE_FOLDER, _PRIVATE_FILE = 0o700, 0o600

T = TypeVar("T")


@dataclass(frozen=True)
class ServedPrediction:
    """An answer of the service about one patient. `id` is the pseudonym of the request's id; times are in UTC."""

    id: str
    probability: float
    triage: str
    above_threshold: bool
    model: str
    recipe: str
    predicted_at: str


@dataclass(frozen=True)
class ServedPredictions:
    """Predictions that a worker has kept since it wrote the last ones."""

    predictions: tuple[ServedPrediction, ...]


@dataclass(frozen=True)
class RefusedChampion:
    """A champion that a worker refuses, why, and when it last said so (UTC, ISO 8601)."""

    version: str
    reason: str
    at: str


class ServedFiles:
    """The folder that the service and the pipeline share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.windows = folder / "windows"
        self.predictions = folder / "predictions"
        self.refused = folder / "refused"
        self.damaged = folder / "damaged"

    def put_window(self, window: "ServedWindow", worker: str) -> None:
        """Write the sketch of a worker's patients in place of its earlier one.

        Raises:
            OSError: it cannot be written. The earlier one is unchanged.
        """
        path, content = self.windows / f"{window.window}_{worker}{_SUFFIX}", _encoded(window)
        try:
            _write(path, content)
        except OSError:
            if not _holds(path, content):  # otherwise only its folder could not be flushed
                raise

    def put_predictions(self, predictions: Iterable[ServedPrediction], worker: str, now: datetime) -> None:
        """Write predictions that were kept.

        Raises:
            OSError: they cannot be written.
        """
        name = f"{now.astimezone(UTC):%Y%m%dT%H%M%S.%f}Z_{worker}{_SUFFIX}"
        _write(self.predictions / name, _encoded(ServedPredictions(tuple(predictions))))

    def put_refused(self, refused: RefusedChampion | None, worker: str) -> None:
        """Report that a worker refuses a champion, or with None that it no longer does.

        Raises:
            OSError: it cannot be written.
        """
        path = self.refused / f"{worker}{_SUFFIX}"
        if refused is not None:
            _write(path, _encoded(refused))
        elif path.exists():
            path.unlink(missing_ok=True)

    def ended_windows(self, now: datetime) -> list[Path]:
        """Return the files of the windows that have ended, oldest first; also those whose names say no window."""
        return [path for path in self.all_windows() if _has_ended(path, now)]

    def all_windows(self) -> list[Path]:
        """Return the files of all windows, oldest first."""
        return _files(self.windows)

    def kept_predictions(self) -> list[Path]:
        """Return the files of predictions, oldest first."""
        return _files(self.predictions)

    def refused_champions(self, now: datetime) -> list[RefusedChampion]:
        """Return the champions that workers refuse now, as far as they can be read."""
        champions = []
        for path in _files(self.refused):
            try:
                refused = self.read(RefusedChampion, path)
                age = now - datetime.fromisoformat(refused.at)
            except (OSError, DamagedStore, ValueError, TypeError):  # the worker writes it again at its next look
                continue
            if abs(age.total_seconds()) <= REFUSED_SECONDS:
                champions.append(refused)
        return champions

    @staticmethod
    def read(kind: type[T], path: Path) -> T:
        """Return the content of a file.

        Raises:
            DamagedStore: the file was altered.
        """
        try:
            return parsing.read(kind, path.read_bytes())
        except ValueError as error:
            reason = str(error) if isinstance(error, parsing.Malformed) else "its numbers contradict each other"
            raise DamagedStore(
                f"a file of the service is damaged: {reason}",
                where=str(path),
                hint="The patients in it are not counted; all others are.",
            ) from None

    def set_aside(self, paths: Iterable[Path]) -> None:
        """Move damaged files to a folder for a person."""
        for path in paths:
            self.damaged.mkdir(exist_ok=True, mode=_PRIVATE_FOLDER)
            path.rename(self.damaged / path.name)

    @staticmethod
    def acknowledge(paths: Iterable[Path]) -> None:
        """Remove files whose content is stored."""
        for path in paths:
            path.unlink(missing_ok=True)


def open_files() -> ServedFiles:
    """Return the folder in Dagster's home."""
    return ServedFiles(settings.home() / "served")


def _encoded(value: Any) -> bytes:
    return json.dumps(parsing.plain(value)).encode()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_FOLDER)
    atomic.write(path, [content], mode=_PRIVATE_FILE)


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"[0-9a-f]*{_SUFFIX}") if path.is_file())


def _has_ended(path: Path, now: datetime) -> bool:
    from wdbc_assets.domain.monitoring import served

    try:
        return served.end(path.name.partition("_")[0]) + GRACE <= now
    except ValueError:
        return True  # it is reported as damaged
