"""Scoring of one file into another, and the names of inputs and outputs, for `wdbc predict` and the Python API."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wdbc_assets import safe_text, scoring
from wdbc_assets.domain.data.csv_layouts import Header
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.scoring import output_files, readers, unfinished_folder, writers
from wdbc_assets.scoring.output_files import Destination
from wdbc_assets.scoring.places import Bucket, LocalFolder, Place
from wdbc_assets.sources import cloud
from wdbc_assets.store.bundle_loader import Served


@dataclass(frozen=True)
class Files:
    """The input of scoring, and the destinations of the predictions and of the rows that are set aside."""

    source: str
    out: Destination
    rejects: Destination | None


@dataclass(frozen=True)
class Folder:
    """A folder to score, and the destinations: one file or a new folder, and the rows that are set aside."""

    source: Place
    out: Destination | Path
    rejects: Destination | None


def parse(source: str, target: str, *, form: str | None = None, rejects: str | None = None) -> Files | Folder:
    """Return the input and outputs for the names that a user gives; `-` is standard input or output.

    Raises:
        WdbcError: the format of an output is unknown, an output is the input or part of it, or two are the same.
    """
    rejects_file = None if rejects is None else output_files.parse(rejects, None, forms=("csv",))
    if "://" in source:
        return _folder(_bucket(source), target, form, rejects_file)
    if source != output_files.STANDARD and Path(source).is_dir():
        return _folder(LocalFolder(Path(source)), target, form, rejects_file)
    out = output_files.parse(target, form)
    source_identity = output_files.identity(0 if source == output_files.STANDARD else Path(source))
    seen = {source_identity: "IN"} if _is_file(source) else {}
    for name, destination in (("OUT", out), ("the file of rejected rows", rejects_file)):
        if destination is None:
            continue
        if destination.identity in seen:
            raise _same(seen[destination.identity], name, destination)
        seen[destination.identity] = name
    return Files(source, out, rejects_file)


def _bucket(address: str) -> Bucket:
    if address.partition("://")[0].lower() not in cloud.CloudObject.schemes() or not address.endswith("/"):
        raise WdbcError(
            "the input is neither on this machine nor a folder of a bucket",
            where=safe_text.redact_url(address),
            hint="A folder of Parquet files is s3://bucket/folder/ (or gs://, az://), with a slash at its end. Anything"
            " else: copy it here, mount it, or pass one file by a pipe to `-`.",
        )
    return Bucket(address)


def _folder(source: Place, target: str, form: str | None, rejects: Destination | None) -> Folder:
    out: Destination | Path
    if target != output_files.STANDARD and form is None and (_names_folder(target) or Path(target).is_dir()):
        out = Path(target)
        unfinished_folder.require_free(out)
    else:
        out = output_files.parse(target, form)
    inside = os.path.realpath(source.path) if isinstance(source, LocalFolder) else None
    places = [("OUT", out if isinstance(out, Path) else out.path)]
    places += [("the file of rejected rows", rejects.path)] if rejects else []
    for name, path in places:
        if inside is not None and Path(os.path.realpath(path)).is_relative_to(inside):
            raise WdbcError(
                f"{name} is in the folder that is scored",
                where=str(path),
                hint="Choose a place outside of it: it would be read as a part of the table.",
            )
    if rejects and isinstance(out, Destination) and rejects.identity == out.identity:
        raise _same("OUT", "the file of rejected rows", rejects)
    return Folder(source, out, rejects)


def _names_folder(target: str) -> bool:
    """Return whether a name that does not exist yet is meant for a folder: it ends in a slash, or has no ending."""
    return target.endswith("/") or not (Path(target).suffix or Path(target).exists())


def _same(one: str, other: str, destination: Destination) -> WdbcError:
    return WdbcError(
        f"{one} and {other} are the same file", where=destination.shown, hint="Use a different file for each."
    )


def score_file(
    files: Files,
    served: Served,
    *,
    explain: bool = False,
    strict: bool = False,
    show_values: bool = False,
    progress: Callable[[scoring.Tally], None] = lambda _: None,
) -> tuple[scoring.Tally, Header]:
    """Score a file, and return the counts and the header of the input.

    Args:
        files: The files, which are written only when they are complete.
        served: The model and its decision policy.
        explain: Whether to add the strongest contributions of each row.
        strict: Whether to reject unknown columns instead of ignoring them.
        show_values: Whether the file of rejected rows shows the values of patients.
        progress: Receives the counts after each batch.

    Raises:
        WdbcError: the input cannot be read, none of its rows can be scored, or an output cannot be written.
        ReaderGone: the reader of an output closed its pipe.
    """
    if explain and not served.compiled:
        raise scoring.cannot_explain(served)
    written = 0
    try:
        with readers.open_source(files.source, strict=strict) as batches, output_files.open_output(files.out) as sink:
            columns = scoring.schema(batches.id_type, explain=explain)
            with (
                writers.scored(sink, columns, files.out.form) as scored,
                _rejects(files.rejects, show_values=show_values) as set_aside,
            ):
                try:
                    tally = scoring.score(batches, served, scored, set_aside, explain=explain, progress=progress)
                finally:
                    written = scored.rows
            require_scored_rows(tally, batches.shown)
            return tally, batches.header
    except output_files.ReaderGone as gone:
        gone.rows = written
        raise


@contextmanager
def _rejects(destination: Destination | None, *, show_values: bool) -> Iterator[writers.Rejects | None]:
    if destination is None:
        yield None
    else:
        with output_files.open_output(destination) as sink:
            yield writers.Rejects(sink, show_values=show_values)


def _is_file(source: str) -> bool:
    """Return whether the source is a regular file; a terminal, by contrast, can be both read and written."""
    try:
        status = os.fstat(0) if source == output_files.STANDARD else Path(source).stat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode)


def require_scored_rows(tally: scoring.Tally, source: str) -> None:
    """Raise WdbcError unless there was a row that could be scored."""
    if not tally.rows:
        raise WdbcError("the input has no rows", where=source, hint="Pass a table with at least one row.")
    if not tally.scored:
        raise WdbcError(
            f"none of {tally.rows} rows could be scored: {tally.reasons}",
            where=source,
            hint="Correct the rows. The file of rejects (`--rejects`) lists each violation with row, column and rule.",
        )
