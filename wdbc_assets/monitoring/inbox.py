"""The inbox: a folder in which files with new patients arrive. Each file is a batch and is taken up once.

    inbox/patients.csv                                    a file that arrived
    inbox/20261126T161617.250Z-82c018e51790_patients.csv      the same, claimed: its name begins with the batch's key
    inbox/taken/20261126T161617.250Z-82c018e51790_patients.csv    its patients are stored
    inbox/refused/patients.csv, patients.csv.reason.txt   a file that is no batch, and why

A file moves only by renaming, so a process that is killed loses nothing: a claimed file keeps its key and waits until
its patients are stored. Claimed twice at the same time, it gets the same key, because the key consists of the file's
time of arrival and the digest of its content.
"""

import contextlib
import stat
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from wdbc_assets import safe_text, settings, user_paths
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring import batch_keys
from wdbc_assets.pipeline import pseudonym_key
from wdbc_assets.pipeline.calls import MovedMeanwhile, ReceivedFile

SETTLE_SECONDS = 5.0
"""A file that changed within this time may be half-written."""

TAKEN, REFUSED = "taken", "refused"
REASON = ".reason.txt"
_HALF_WRITTEN = (".part", ".tmp", ".crdownload")


@dataclass(frozen=True)
class Refused:
    """A file that is no batch, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Duplicate:
    """A file with the content of a batch that was taken up before."""

    name: str
    batch: str


@dataclass
class Arrivals:
    """What is in an inbox: claimed batches in order of arrival, and files that are refused, duplicate or unfinished."""

    batches: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    duplicates: list[Duplicate] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)


class Inbox:
    """The batches in one folder, and the key that replaces their patients' ids."""

    def __init__(self, folder: Path, key_file: Path) -> None:
        self.folder = folder
        self.key_file = key_file

    def pseudonym_key(self) -> bytes:
        """Return the key of the pseudonyms, which is created at its first use."""
        return pseudonym_key.load(self.key_file)

    def present_key(self) -> bytes | None:
        """Return the key of the pseudonyms, or None if there is none yet. Nothing is created."""
        return pseudonym_key.load(self.key_file) if self.key_file.exists() else None

    def taken(self) -> set[str]:
        """Return the batches whose files were moved to `taken`, because their patients were stored.

        Raises:
            WdbcError: the folder cannot be read.
        """
        folder = self.folder / TAKEN
        with self._reporting_errors():
            names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        return set(filter(None, map(batch_keys.of_file, names)))

    def taken_file(self, batch: str) -> Path | None:
        """Return the file of a batch whose patients are stored, if it is still there."""
        return next(iter(self._claimed(self.folder / TAKEN, batch)), None)

    def survey(self, stored: Collection[str]) -> Arrivals:
        """Claim every whole file, and move those that are no batch, or were taken up before.

        Args:
            stored: The keys of the batches whose patients are, or were, stored.

        Raises:
            WdbcError: the folder cannot be read or written.
        """
        arrivals = Arrivals()
        with self._reporting_errors():
            if not self.folder.exists():
                return arrivals
            names = sorted(path.name for path in self.folder.iterdir() if path.name not in (TAKEN, REFUSED))
            keys = {batch_keys.digits(key): key for key in (*stored, *filter(None, map(batch_keys.of_file, names)))}
            for name in names:
                if not name.startswith("."):
                    try:
                        self._sort(self.folder / name, stored, keys, arrivals)
                    except FileNotFoundError:  # another process has taken it
                        continue
        arrivals.batches.sort()
        return arrivals

    @contextmanager
    def reading(self, batch: str) -> Iterator[ReceivedFile]:
        """Find the file of a batch, and move it to `refused` if it turns out to be unreadable.

        Raises:
            MovedMeanwhile: another run has moved the file, after it had stored the patients.
            WdbcError: the file is missing, or the caller refuses it.
        """
        path = self._file_of(batch)
        try:
            with self._refusing(path, batch) as file:
                yield file
        except WdbcError as error:
            if path.parent == self.folder and self.taken_file(batch) is not None:
                raise MovedMeanwhile(error.what, where=error.where, hint=error.hint) from None
            raise

    @contextmanager
    def _refusing(self, path: Path, batch: str) -> Iterator[ReceivedFile]:
        name = path.name.removeprefix(f"{batch}_")
        with self._reporting_errors():
            digest = batch_keys.digest(path)
        try:
            _require_unchanged(path, digest, batch)
            yield ReceivedFile(path, safe_text.printable(name), digest)
        except WdbcError as error:
            if path.parent == self.folder and path.exists():
                with self._reporting_errors():
                    self._refuse(path, name, f"{error.what}\n{error.hint}")
            raise

    def acknowledge(self, batch: str) -> None:
        """Move the file of a batch to `taken`, after its patients are stored."""
        with self._reporting_errors():
            for path in self._claimed(self.folder, batch):
                with contextlib.suppress(FileNotFoundError):  # another process has moved it
                    self._move(path, TAKEN, path.name)

    def _sort(self, path: Path, stored: Collection[str], keys: dict[str, str], arrivals: Arrivals) -> None:
        """Claim, refuse or move one entry of the folder, and add it to the arrivals."""
        name, shown = path.name, safe_text.printable(path.name)
        status = path.lstat()
        claimed = batch_keys.of_file(name) if stat.S_ISREG(status.st_mode) else None
        if claimed in stored:  # a process was killed after it had stored the patients
            self._move(path, TAKEN, name)
        elif claimed:
            arrivals.batches.append(claimed)
        elif name.endswith(_HALF_WRITTEN) or (stat.S_ISREG(status.st_mode) and _may_grow(status.st_ctime)):
            arrivals.unfinished.append(shown)
        elif reason := _why_refused(path, status.st_mode, status.st_size):
            arrivals.refused.append(self._refuse(path, name, reason))
        else:
            key = batch_keys.make(status.st_ctime, batch_keys.digest(path))
            if batch := keys.get(batch_keys.digits(key)):
                if batch in stored:  # otherwise `taken` would say so of a batch that may still be refused
                    self._move(path, TAKEN, f"{batch}_{name}")
                arrivals.duplicates.append(Duplicate(shown, batch))
            else:
                keys[batch_keys.digits(key)] = key
                path.rename(self.folder / batch_keys.claimed_name(key, name))
                arrivals.batches.append(key)

    def _refuse(self, path: Path, name: str, reason: str) -> Refused:
        target = self._move(path, REFUSED, name)
        note = target.with_name(f"{target.name}{REASON}")
        note.write_text(f"{safe_text.redact(reason)}\n", encoding="utf-8", errors="backslashreplace")
        return Refused(safe_text.printable(name), safe_text.one_line(reason.partition("\n")[0]))

    def _move(self, path: Path, folder: str, name: str) -> Path:
        """Move a file to a folder below the inbox, where it replaces nothing; return its new path."""
        path.lstat()  # before a folder is made for it: another process may have moved it
        (self.folder / folder).mkdir(exist_ok=True)
        short = batch_keys.shortened(name)
        target, number = self.folder / folder / short, 1
        while target.exists() or target.is_symlink():
            number += 1
            target = self.folder / folder / f"{number}-{short}"
        return path.rename(target)

    def _file_of(self, batch: str) -> Path:
        for folder in (self.folder, self.folder / TAKEN):
            if found := self._claimed(folder, batch):
                return found[0]
        raise WdbcError(
            f"the file of the batch {batch} is not in the inbox",
            where=str(self.folder),
            hint=f"Look for it in the inbox's folder `{REFUSED}`, and put it into the inbox again.",
        )

    @staticmethod
    def _claimed(folder: Path, batch: str) -> list[Path]:
        if not folder.is_dir():
            return []
        return sorted(path for path in folder.iterdir() if batch_keys.of_file(path.name) == batch)

    @contextmanager
    def _reporting_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WdbcError(
                f"the inbox cannot be read or written: {error.strerror}",
                where=str(self.folder),
                hint="Fix the folder's permissions, free disk space, or set WDBC_INBOX to another folder.",
            ) from None


def open_inbox(config: settings.Settings) -> Inbox:
    """Return the configured inbox.

    Raises:
        WdbcError: a setting can be no path.
    """
    folder = user_paths.located(config.inbox, relative_to=settings.project_root(), name=settings.variable("inbox"))
    return Inbox(folder, pseudonym_key.configured(config))


def _may_grow(changed: float) -> bool:
    """Return whether a file changed just now. A time in the future is not recent: the clock was set back."""
    return abs(time.time() - changed) < SETTLE_SECONDS


def _why_refused(path: Path, mode: int, size: int) -> str:
    """Return why an entry of the inbox is no batch, from its kind and its first rows; empty if it may be one."""
    from wdbc_assets.scoring import incoming

    if not stat.S_ISREG(mode):
        kind = "folder" if stat.S_ISDIR(mode) else "link" if stat.S_ISLNK(mode) else "device or pipe"
        return f"it is a {kind}, not a file"
    if not size:
        return "the file is empty"
    try:
        incoming.require_readable(str(path), whole=False)
    except WdbcError as error:
        return f"{error.what}\n{error.hint}"
    return ""


def _require_unchanged(path: Path, digest: str, batch: str) -> None:
    if not digest.startswith(batch_keys.digits(batch)):
        raise WdbcError(
            "the file was changed after it had been claimed",
            where=str(path),
            hint="Put each batch into the inbox as a file of its own.",
        )
