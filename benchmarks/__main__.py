"""`python -m benchmarks`: measure, print the tables, and write them as JSON."""

import json
import signal
import sys
import tempfile
from pathlib import Path

import click

from benchmarks import commands, evaluate, growth, monitoring, report, scoring, search, serving, sketches
from benchmarks.measuring import CommandFailed, Skipped

TABLES = {
    "cold": commands.cold,
    "unchanged": commands.unchanged,
    "verify": commands.verify,
    "search": search.search,
    "evaluate": evaluate.evaluate,
    "scoring": scoring.scoring,
    "serving": serving.serving,
    "sketches": sketches.sketches,
    "small": commands.small,
    "definitions": commands.definitions,
    "growth": growth.growth,
    "monitoring": monitoring.monitoring,
}
OUTPUT = Path("benchmarks") / "results.json"


@click.command()
@click.option("--only", type=click.Choice(list(TABLES)), multiple=True, help="Measure this table; can be repeated.")
@click.option("--repetitions", type=click.IntRange(1), default=5, show_default=True, help="Number of measured rounds.")
@click.option("--quick", is_flag=True, help="One round, small sizes: a smoke test, not a measurement.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default=OUTPUT, show_default=True)
def main(*, only: tuple[str, ...], repetitions: int, output: Path, quick: bool) -> None:
    """Measure the project side by side with alternatives."""
    # Treat TERM like Ctrl-C: stop running servers and remove temporary folders.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    repetitions = 1 if quick else repetitions
    tables = []
    for name in only or TABLES:
        click.echo(f"measuring {name} ...", err=True)
        with tempfile.TemporaryDirectory(prefix="wdbc-benchmark-") as folder:
            try:
                table = TABLES[name](Path(folder), repetitions=repetitions, quick=quick)
            except CommandFailed as error:
                raise click.ClickException(str(error)) from None
            except Skipped as error:
                if name in only:
                    raise click.ClickException(f"{name} cannot be measured: {error}") from None
                click.echo(f"\n{name} is skipped: {error}\n")
                continue
        click.echo(f"\n{table.text()}\n")
        tables.append(table)
    plain = report.as_json(tables, repetitions=repetitions, quick=quick)
    output.write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    click.echo(f"written to {output}; load average at the end: {plain['machine']['load']}")


main()
