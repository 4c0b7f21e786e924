"""`wdbc predict`: a file of any size, scored by the model in production."""

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wdbc_assets import freshness, settings
from wdbc_assets.cli import terminal
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.storage.store import open_store

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from wdbc_assets.scoring import Tally
    from wdbc_assets.scoring.outputs import Rejects
    from wdbc_assets.storage.bundles import Served

_FORMATS = ("csv", "parquet")
_STANDARD = "-"
_LIVE, _LOGGED = 0.2, 10.0  # seconds between two lines of progress, at a terminal and in a log


@click.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option("--format", "form", type=click.Choice(_FORMATS), help="Of OUT. [default: by its name, else csv]")
@click.option("--explain", is_flag=True, help="Add the three measurements that say most, and what each adds.")
@click.option("--rejects", metavar="FILE", help="Write the rows that were set aside here, each with its reason.")
def predict(*, source: str, target: str, form: str | None, explain: bool, rejects: str | None) -> None:
    """Score the rows of IN with the champion, and write OUT: id, probability, decision, set, model.

    IN is a CSV in UCI's form, or one whose first line names the 30 measurements, or a Parquet file; id and diagnosis
    may be missing. `-` is standard input, and standard output. A row that breaks a rule is set aside and counted.

    OUT appears when it is whole. Decision is by the threshold of the decision policy, set is the class that is
    possible by its referral band, or refer.
    """
    _require_apart(source, target, rejects)
    chosen = settings.load()
    served = _champion(chosen)

    from wdbc_assets import scoring
    from wdbc_assets.scoring import outputs, sources

    if explain and not served.compiled:
        raise scoring.not_explained(served)
    form = form or ("parquet" if Path(target).suffix in (".parquet", ".pq") else "csv")
    shown = _Progress()
    with sources.opened(source) as chunks, outputs.whole(target) as sink:
        columns = scoring.schema(chunks.id_type, explain=explain)
        with outputs.scored(sink, columns, form) as scored, _rejects(rejects, chosen) as aside:
            tally = scoring.score(chunks, served, scored, aside, explain=explain, progress=shown)
        _require_some(tally, source)
    shown.end()
    _summary(tally, served, shown.seconds)


@contextmanager
def _rejects(place: str | None, chosen: settings.Settings) -> "Iterator[Rejects | None]":
    from wdbc_assets.scoring import outputs

    if place is None:
        yield None
    else:
        with outputs.whole(place) as sink:
            yield outputs.Rejects(sink, show_values=chosen.show_values)


def _champion(chosen: settings.Settings) -> "Served":
    from wdbc_assets.storage import bundles

    store = open_store(chosen.storage, relative_to=settings.project_root())
    passport = store.current("champion")
    if passport is None:
        raise WdbcError(
            "no model is in production yet",
            where=store.url,
            mend="Run `wdbc run` and `wdbc evaluate`, then `wdbc promote`.",
        )
    return bundles.open_bundle(bundles.read(store, passport))


def _require_apart(source: str, target: str, rejects: str | None) -> None:
    """Refuse to write two things into one place, or over what is read."""

    places = [("IN", source), ("OUT", target), *([("--rejects", rejects)] if rejects is not None else [])]
    seen: dict[object, str] = {}
    for name, place in places:
        if place == _STANDARD:
            where: object = "standard input" if name == "IN" else "standard output"
        else:
            where = Path(place).resolve()
        if where in seen:
            raise WdbcError(
                f"{seen[where]} and {name} are the same place",
                where=str(where),
                mend="Give each a place of its own.",
            )
        seen[where] = name


def _require_some(tally: "Tally", source: str) -> None:
    if not tally.rows:
        raise WdbcError("there is no row to score", where=source, mend="Give a table with at least one row.")
    if not tally.scored:
        raise WdbcError(
            f"none of {tally.rows} rows could be scored: {_reasons(tally)}",
            where=source,
            mend="Correct the rows; `--rejects FILE` names each with its column and rule.",
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
    terminal.say(f"  model      {freshness.short(served.version)} ({served.recipe}, {through})", err=True)
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
