"""`wdbc inbox add`: put a file with new patients into the inbox."""

from pathlib import Path

import click

from wdbc_assets.cli import terminal
from wdbc_assets.cli.opening import opened
from wdbc_assets.monitoring import batches
from wdbc_assets.monitoring.inbox import open_inbox


@click.group()
def inbox() -> None:
    """Put files with new patients into the inbox, from which `wdbc monitor` takes them up."""


@inbox.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def add(*, file: Path, as_json: bool) -> None:
    """Validate FILE, copy it into the inbox, and print the key of its batch. `-` is standard input.

    FILE is read to its end, in the formats of `wdbc predict`. Rows that violate a rule do not matter, as long as one
    row can be scored. The file appears in the inbox only when it is complete. The same content is a batch once.
    """
    from wdbc_assets.monitoring import adding

    config, store = opened()
    into = open_inbox(config)
    added = adding.add(file, into, batches.stored(store))
    if as_json:
        terminal.document({**vars(added), "inbox": str(into.folder)})
    elif added.duplicate:
        terminal.say(f"  {added.batch}  duplicate: this content is that batch; nothing was added")
    else:
        terminal.say(f"  {added.batch}  in {into.folder}")
        terminal.say(f"  next: {terminal.command_name()} monitor")
