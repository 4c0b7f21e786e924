"""Adding a file to the inbox, for `wdbc inbox add`: it is validated, and appears there whole and claimed."""

import hashlib
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wdbc_assets import clock
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring import batch_keys
from wdbc_assets.monitoring.inbox import Inbox
from wdbc_assets.scoring import incoming, readers

_PIECE = 1024**2
_STANDARD_NAME = "standard-input"


@dataclass(frozen=True)
class Added:
    """A file in the inbox: the key of its batch, and whether that batch was there before."""

    batch: str
    duplicate: bool


def add(source: Path, into: Inbox, stored: Collection[str]) -> Added:
    """Copy a file into an inbox, unless its content is there or was taken up before.

    Args:
        source: The file; `-` is standard input. It is read to its end before it is accepted.
        into: The inbox, whose folder is created if it is missing.
        stored: The keys of the batches whose patients are, or were, stored.

    Raises:
        WdbcError: the file is no readable batch, or cannot be copied. The inbox is unchanged.
    """
    standard = str(source) == readers.STANDARD
    if not standard and not source.is_file():
        raise WdbcError(
            f"it is not a file: {'it is a folder' if source.is_dir() else 'there is no such file'}",
            where=str(source),
            hint="Pass a CSV or Parquet file with the 30 measurements, or `-` for standard input.",
        )
    try:
        into.folder.mkdir(parents=True, exist_ok=True)
        with _copied(source, into.folder) as (copy, digest):
            known = {batch_keys.digits(key): key for key in (*stored, *_claimed(into.folder))}
            key = batch_keys.make(clock.now().timestamp(), digest)
            if earlier := known.get(batch_keys.digits(key)):
                return Added(earlier, duplicate=True)
            _require_batch(copy, shown=source)
            copy.rename(into.folder / batch_keys.claimed_name(key, _STANDARD_NAME if standard else source.name))
            return Added(key, duplicate=False)
    except OSError as error:
        raise WdbcError(
            f"the file cannot be copied into the inbox: {error.strerror}",
            where=f"{readers.display_name(str(source))} -> {into.folder}",
            hint="Fix the permissions, free disk space, or set WDBC_INBOX to another folder.",
        ) from None


@contextmanager
def _copied(source: Path, folder: Path) -> Iterator[tuple[Path, str]]:
    """Copy a file under a name that the inbox ignores; yield the copy and its digest. Remove what is left of it.

    The copy has the patients' real ids. That of a process that is killed is removed by `wdbc gc`, see `retention`.
    """
    copy = folder / batch_keys.copy_name(source.suffix)
    digest = hashlib.sha256()
    try:
        with readers.open_input(str(source)) as original, copy.open("xb") as written:
            while piece := original.read(_PIECE):
                digest.update(piece)
                written.write(piece)
            written.flush()
            os.fsync(written.fileno())
        yield copy, digest.hexdigest()
    finally:
        copy.unlink(missing_ok=True)


def _require_batch(copy: Path, *, shown: Path) -> None:
    try:
        incoming.require_readable(str(copy), whole=True)
    except WdbcError as error:
        error.where = error.where.replace(str(copy), readers.display_name(str(shown)))
        raise


def _claimed(folder: Path) -> Iterator[str]:
    return filter(None, (batch_keys.of_file(path.name) for path in folder.iterdir()))
