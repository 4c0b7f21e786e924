"""Scoring of one file into another, for `wdbc predict` and the Python API."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wdbc_assets import scoring
from wdbc_assets.domain.data.csv_layouts import Header
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.scoring import output_files, readers, writers
from wdbc_assets.scoring.output_files import Destination
from wdbc_assets.store.bundle_loader import Served


@dataclass(frozen=True)
class Files:
    """The input of scoring, and the destinations of the predictions and of the rows that are set aside."""

    source: str
    out: Destination
    rejects: Destination | None


def parse(source: str, target: str, *, form: str | None = None, rejects: str | None = None) -> Files:
    """Return the files for the names that a user gives; `-` is standard input or output.

    Raises:
        WdbcError: the format of an output is unknown, or two of the files are the same.
    """
    out = output_files.parse(target, form)
    rejects_file = None if rejects is None else output_files.parse(rejects, None, forms=("csv",))
    source_identity = output_files.identity(0 if source == output_files.STANDARD else Path(source))
    seen = {source_identity: "IN"} if _is_file(source) else {}
    for name, destination in (("OUT", out), ("the file of rejected rows", rejects_file)):
        if destination is None:
            continue
        if destination.identity in seen:
            raise WdbcError(
                f"{seen[destination.identity]} and {name} are the same file",
                where=destination.shown,
                hint="Use a different file for each.",
            )
        seen[destination.identity] = name
    return Files(source, out, rejects_file)


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
            _require_scored_rows(tally, batches.shown)
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


def _require_scored_rows(tally: scoring.Tally, source: str) -> None:
    if not tally.rows:
        raise WdbcError("the input has no rows", where=source, hint="Pass a table with at least one row.")
    if not tally.scored:
        raise WdbcError(
            f"none of {tally.rows} rows could be scored: {tally.reasons}",
            where=source,
            hint="Correct the rows. The file of rejects (`--rejects`) lists each violation with row, column and rule.",
        )
