"""`wdbc predict`: a file of any size, scored by the model in production."""

import os
import stat
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wdbc_assets import settings
from wdbc_assets.cli import terminal
from wdbc_assets.domain.data import contract, csv_layouts
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import staleness
from wdbc_assets.store.store import open_store

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from wdbc_assets.domain.data.csv_layouts import Header
    from wdbc_assets.scoring import Tally
    from wdbc_assets.scoring.output_files import Place
    from wdbc_assets.scoring.writers import Rejects
    from wdbc_assets.store.bundle_loader import Served

_FORMATS = ("csv", "parquet")
_READER_GONE = 141  # as of a program that SIGPIPE ends
_LIVE, _LOGGED = 0.2, 10.0  # seconds between two lines of progress, at a terminal and in a log


@click.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option("--format", "form", type=click.Choice(_FORMATS), help="Of OUT. [default: by its name, else csv]")
@click.option("--explain", is_flag=True, help="Add the three measurements that say most, and what each adds.")
@click.option("--rejects", metavar="FILE", help="Write the rows that were set aside here, each with its reason.")
@click.option("--strict", is_flag=True, help="Refuse columns that are unknown instead of ignoring them.")
def predict(*, source: str, target: str, form: str | None, explain: bool, rejects: str | None, strict: bool) -> None:
    """Score the rows of IN with the champion, and write OUT: id, probability, decision, set, model.

    IN is a CSV in UCI's form, or one whose first line names the 30 measurements as UCI, Kaggle or scikit-learn do, or
    a Parquet file; a CSV may be packed in a gzip file, or in a zip archive of one file. An id is given back as it is,
    also one that is blank or there twice; a diagnosis and unknown columns are ignored. `-` is standard input, and
    standard output. A row that breaks a rule is set aside and counted.

    OUT ends in .csv, .csv.gz or .parquet. It appears when it is whole; a new one is readable by its owner alone.
    Decision is by the threshold of the decision policy, set is the class that is possible by its referral band, or
    refer. When the reader of a pipe closes it early, the exit code is 141.
    """
    from wdbc_assets.scoring import output_files

    out = output_files.parse(target, form)
    aside = None if rejects is None else output_files.parse(rejects, None, forms=("csv",))
    _require_apart(source, out, aside)
    chosen = settings.load()
    served = _champion(chosen)
    if explain and not served.compiled:
        from wdbc_assets import scoring

        raise scoring.not_explained(served)
    try:
        _score(source, out, aside, served, chosen, explain=explain, strict=strict)
    except output_files.ReaderGone as gone:
        raise click.exceptions.Exit(_READER_GONE) from gone


def _score(
    source: str,
    out: "Place",
    rejects: "Place | None",
    served: "Served",
    chosen: settings.Settings,
    *,
    explain: bool,
    strict: bool,
) -> None:
    from wdbc_assets import scoring
    from wdbc_assets.scoring import output_files, readers, writers

    shown = _Progress()
    with readers.opened(source, strict=strict) as chunks, output_files.opened(out) as sink:
        columns = scoring.schema(chunks.id_type, explain=explain)
        with writers.scored(sink, columns, out.form) as scored, _rejects(rejects, chosen) as aside:
            try:
                tally = scoring.score(chunks, served, scored, aside, explain=explain, progress=shown)
            except (BrokenPipeError, output_files.ReaderGone):
                shown.end()
                terminal.say(f"  stopped    the output's reader closed it: {scored.rows:,} rows were written", err=True)
                raise
        _require_some(tally, chunks.shown)
    shown.end()
    _say_ignored(chunks.header)
    _summary(tally, served, shown.seconds)


@contextmanager
def _rejects(place: "Place | None", chosen: settings.Settings) -> "Iterator[Rejects | None]":
    from wdbc_assets.scoring import output_files, writers

    if place is None:
        yield None
    else:
        with output_files.opened(place) as sink:
            yield writers.Rejects(sink, show_values=chosen.show_values)


def _say_ignored(header: "Header") -> None:
    """Name the columns that say nothing to the model; names are no patient's values."""
    known = [contract.DIAGNOSIS] if contract.DIAGNOSIS in header.place else []
    names = [*known, *map(csv_layouts.shown, header.unknown)]
    if names:
        terminal.say(f"  ignored    column{'s' if len(names) > 1 else ''} {csv_layouts.some(names)}", err=True)


def _champion(chosen: settings.Settings) -> "Served":
    from wdbc_assets.store import bundle_loader

    store = open_store(chosen.storage, relative_to=settings.project_root())
    manifest = store.current("champion")
    if manifest is None:
        raise WdbcError(
            "no model is in production yet",
            where=store.url,
            hint="Run `wdbc run` and `wdbc evaluate`, then `wdbc promote`.",
        )
    return bundle_loader.open_bundle(bundle_loader.read(store, manifest))


def _require_apart(source: str, out: "Place", rejects: "Place | None") -> None:
    """Refuse to write two things into one place, or over what is read."""
    from wdbc_assets.scoring import output_files

    read = output_files.identity(0 if source == output_files.STANDARD else Path(source))
    seen = {read: "IN"} if _is_file(source) else {}
    for name, place in (("OUT", out), *([("--rejects", rejects)] if rejects else [])):
        if place.identity in seen:
            raise WdbcError(
                f"{seen[place.identity]} and {name} are the same place",
                where=place.shown,
                hint="Give each a place of its own.",
            )
        seen[place.identity] = name


def _is_file(source: str) -> bool:
    """Say whether the rows come from a file, and not from a terminal, which may be written to as well."""
    try:
        status = os.fstat(0) if source == "-" else Path(source).stat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode)


def _require_some(tally: "Tally", source: str) -> None:
    if not tally.rows:
        raise WdbcError("there is no row to score", where=source, hint="Give a table with at least one row.")
    if not tally.scored:
        raise WdbcError(
            f"none of {tally.rows} rows could be scored: {_reasons(tally)}",
            where=source,
            hint="Correct the rows; `--rejects FILE` names each with its column and rule.",
        )


class _Progress:
    """Says on stderr how far it is, and how fast."""

    def __init__(self) -> None:
        self._live = terminal.Live()
        self._begun = self._said = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the begin."""
        return time.monotonic() - self._begun

    def __call__(self, tally: "Tally") -> None:
        now = time.monotonic()
        if now - self._said < (_LIVE if self._live.rewritten else _LOGGED):
            return
        self._said = now
        self._live.show(f"  {tally.rows:,} rows, {tally.rows / self.seconds:,.0f} a second")

    def end(self) -> None:
        """Take away the last line of progress."""
        self._live.erase()


def _summary(tally: "Tally", served: "Served", seconds: float) -> None:
    through = "compiled" if served.compiled else "through scikit-learn"
    terminal.say(f"  model      {staleness.short(served.version)} ({served.recipe}, {through})", err=True)
    terminal.say(
        f"  rows       {tally.rows:,} in = {tally.scored:,} scored + {tally.set_aside:,} set aside, "
        f"{tally.rows / max(seconds, 1e-9):,.0f} a second",
        err=True,
    )
    terminal.say(f"  decision   {_counts(tally.decisions)}", err=True)
    terminal.say(f"  set        {_counts(tally.sets)}", err=True)
    if tally.set_aside:
        terminal.say(f"  set aside  {_reasons(tally)}", err=True)


def _counts(counts: "Counter[str]") -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))


def _reasons(tally: "Tally") -> str:
    return "; ".join(
        f"{rule} {count:,} time{'' if count == 1 else 's'}, first in row {tally.first[rule]}"
        for rule, count in tally.rules.most_common()
    )
