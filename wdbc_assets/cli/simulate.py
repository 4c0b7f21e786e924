"""`wdbc simulate`: the rehearsal of a year, in a folder of its own."""

import time
from collections.abc import Sequence
from pathlib import Path

import click

from wdbc_assets.cli import terminal
from wdbc_assets.domain.errors import WdbcError


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default=Path("demo"), show_default=True,
              help="Folder for all that is made; it must be empty or missing.")  # fmt: skip
@click.option("--champion-of", type=click.Path(path_type=Path), metavar="STORE",
              help="Copy the champion and its evaluation from this folder, instead of training a model.")  # fmt: skip
@click.option("--weeks", type=click.IntRange(1, 520), default=52, show_default=True, help="Number of weeks.")
@click.option("--seed", type=click.IntRange(0), default=42, show_default=True, help="Random seed of the patients.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout, all else on stderr.")
def simulate(*, folder: Path, champion_of: Path | None, weeks: int, seed: int, as_json: bool) -> None:
    """Rehearse a year of a hospital: a batch of patients each week, late diagnoses, and things that go wrong.

    Source, store, history, service and receiver of alerts are in the folder: nothing of the project is used or changed.
    Inbox, sensors, jobs, gate, service and alerts are real; only the patients and the clock are not. At the end, a
    table says what was found, when and by what. A year takes about five minutes.

    Exit codes: 0 every event was found without a false alarm, 3 not all, 1 error.
    """
    from wdbc_assets.rehearsal import preparation, text
    from wdbc_assets.rehearsal.platform import Console

    started = time.monotonic()
    folder, copied = folder.absolute(), champion_of and champion_of.absolute()
    program = terminal.command_name()
    if Path(program).exists():  # a path: the rehearsal works in another folder
        program = str(Path(program).absolute())
    console = Console(_run, terminal.Lines)
    with preparation.prepared(folder, console, champion_of=copied, weeks=weeks, seed=seed, say=_say) as year:
        for seen in year.play(weeks):
            for line in text.week(seen, year.events):
                _say(line)
        from wdbc_assets.rehearsal import page, summary

        result = summary.result(year, seconds=time.monotonic() - started)
        page.write(folder / "rehearsal.html", result, year.weeks)
    if as_json:
        from wdbc_assets.store import parsing

        terminal.document(parsing.plain(result))
    else:
        for line in text.table(result):
            terminal.say(line)
    _say(f"\n  page         {folder / 'rehearsal.html'}")
    _say(f"  transcript   {folder / 'transcript.txt'}")
    _say(f"  Dagster's UI cd {folder} && {program} ui")
    click.get_current_context().exit(0 if result.passed else 3)


def _say(line: str) -> None:
    terminal.say(line, err=True)


def _run(arguments: Sequence[str]) -> int:
    """Run a command in this process, and return its exit code."""
    from wdbc_assets.cli import wdbc

    try:
        code: int = wdbc.main(list(arguments), standalone_mode=False) or 0
    except click.ClickException as error:
        terminal.show_usage_error(error)
        return error.exit_code
    except WdbcError as error:
        terminal.show_error(error)
        return 1
    return code
