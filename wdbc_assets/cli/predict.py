"""`wdbc predict`: score a file of any size with the champion."""

import time
from typing import TYPE_CHECKING

import click

from wdbc_assets import settings
from wdbc_assets.cli import terminal
from wdbc_assets.domain import formatting
from wdbc_assets.domain.data import contract, csv_layouts

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from wdbc_assets.domain.data.csv_layouts import Header
    from wdbc_assets.scoring import Tally
    from wdbc_assets.store.bundle_loader import Served

_FORMATS = ("csv", "parquet")
_READER_GONE = 141  # as for a program killed by SIGPIPE
_LIVE, _LOGGED = 0.2, 10.0  # seconds between progress updates on a terminal and in a log


@click.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option("--format", "form", type=click.Choice(_FORMATS), help="Format of OUT. [default: from its name, else csv]")
@click.option("--explain", is_flag=True, help="Add the three strongest contributions to the log-odds of each row.")
@click.option("--rejects", metavar="FILE", help="Write the rows that are set aside, with the reason, to this CSV file.")
@click.option("--strict", is_flag=True, help="Reject unknown columns instead of ignoring them.")
def predict(*, source: str, target: str, form: str | None, explain: bool, rejects: str | None, strict: bool) -> None:
    """Score the rows of IN with the champion and write OUT: id, probability, triage, above_threshold, model.

    IN is a Parquet file, a CSV file in UCI's format, or a CSV file whose header names the 30 measurements as UCI,
    Kaggle or scikit-learn do. A CSV file may be compressed with gzip, or be the only file of a zip archive. Ids are
    copied unchanged, even if blank or duplicate; a diagnosis and unknown columns are ignored. `-` is standard input or
    output. Rows that violate a rule are set aside and counted.

    IN may also be a folder of Parquet files: one table, in the order of their names. Its row groups are scored in
    parallel, by WDBC_WORKERS processes or on the Dask cluster of WDBC_ENGINE=dask. OUT is then one file, or a new
    folder with a file of the same name for each. The file of rejected rows names the file of each row. The folder may
    be in a bucket: s3://bucket/folder/, gs:// or az://, with a slash at its end and the extra `cloud`.

    OUT ends in .csv, .csv.gz or .parquet, unless it is a folder. It appears only when it is complete; a new file is
    readable by its owner only. `triage` is the outcome for a patient: the class if the conformal prediction set
    contains exactly one, else refer. While `wdbc refer-all` is on, it is refer for every patient. `above_threshold`
    says whether the probability is at or above the threshold of the decision policy. If the reader of a pipe closes it
    early, the exit code is 141.
    """
    from wdbc_assets.pipeline.engines import predicting
    from wdbc_assets.registry import referral
    from wdbc_assets.scoring import files, output_files

    named = files.parse(source, target, form=form, rejects=rejects)
    options = settings.load()
    packed, referred = referral.packed_champion(options.open_store())
    served = packed.opened()
    progress = _Progress()
    try:
        if isinstance(named, files.Folder):
            scored = predicting.score_folder(named, packed, options, explain=explain, strict=strict, progress=progress)
            tally, headers, used = scored.tally, scored.headers, scored.used
        else:
            tally, header = files.score_file(
                named, served, explain=explain, strict=strict, show_values=options.show_values, progress=progress
            )
            headers, used = (header,), None
    except output_files.ReaderGone as gone:
        progress.end()
        terminal.say(f"  stopped    the reader closed the output after {gone.rows:,} rows", err=True)
        raise click.exceptions.Exit(_READER_GONE) from gone
    progress.end()
    _report_ignored(headers)
    if isinstance(named, files.Folder):
        terminal.say(f"  files      {len(headers):,}", err=True)
    if used is not None:
        terminal.say(f"  engine     {used.engine}, {used.cluster}", err=True)
    _summary(tally, served, progress.seconds)
    if referred is not None:
        terminal.say(f"  policy     {referred}", err=True)


def _report_ignored(headers: "Sequence[Header]") -> None:
    """Print the names of the ignored columns, which are not patient data."""
    known = [contract.DIAGNOSIS] if any(contract.DIAGNOSIS in header.place for header in headers) else []
    unknown = dict.fromkeys(name for header in headers for name in header.unknown)
    names = [*known, *map(csv_layouts.shown, unknown)]
    if names:
        terminal.say(f"  ignored    column{'s' if len(names) > 1 else ''} {csv_layouts.some(names)}", err=True)


class _Progress:
    """Prints the number of rows and the rate on standard error."""

    def __init__(self) -> None:
        self._live = terminal.Live()
        self._started = self._last_update = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def __call__(self, tally: "Tally") -> None:
        now = time.monotonic()
        if now - self._last_update < (_LIVE if self._live.rewritten else _LOGGED):
            return
        self._last_update = now
        self._live.show(f"  {tally.rows:,} rows, {tally.rows / self.seconds:,.0f} rows/s")

    def end(self) -> None:
        """Erase the progress line."""
        self._live.erase()


def _summary(tally: "Tally", served: "Served", seconds: float) -> None:
    from wdbc_assets.domain.evaluation import recalibration

    engine = "compiled" if served.compiled else "scikit-learn"
    terminal.say(f"  model      {formatting.short(served.version)} ({served.recipe}, {engine})", err=True)
    terminal.say(
        f"  rows       {tally.rows:,} = {tally.scored:,} scored + {tally.set_aside:,} set aside, "
        f"{tally.rows / max(seconds, 1e-9):,.0f} rows/s",
        err=True,
    )
    terminal.say(f"  triage     {_counts(tally.triage)}", err=True)
    policy = served.policy
    threshold = recalibration.bounds(policy).threshold
    terminal.say(f"  threshold  {tally.above_threshold:,} at or above {threshold:.4f}", err=True)
    if policy.recalibration:
        terminal.say(
            f"  prevalence {formatting.percent(policy.prevalence)}, to which the probabilities were recalibrated from"
            f" {formatting.percent(policy.training.prevalence)}",
            err=True,
        )
    if tally.set_aside:
        terminal.say(f"  set aside  {tally.reasons}", err=True)


def _counts(counts: "Counter[str]") -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))
