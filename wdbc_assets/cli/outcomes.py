"""`wdbc outcomes add`: record diagnoses that became known."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wdbc_assets import clock
from wdbc_assets.cli import terminal
from wdbc_assets.cli.alerting import alerting
from wdbc_assets.cli.live import conclude, record
from wdbc_assets.cli.opening import opened
from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    from wdbc_assets.monitoring.inbox import Inbox
    from wdbc_assets.store.store import Store

_MOST_BYTES = 64 * 2**20


@click.group()
def outcomes() -> None:
    """Record diagnoses that became known after a prediction."""


@outcomes.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def add(debug: bool, /, *, file: Path, as_json: bool) -> None:  # noqa: FBT001 -- click passes it so
    """Record the outcomes in FILE, and compare the predictions with all that are known.

    FILE is a CSV file with the columns id (of the patient) or request_id (of the service's answer, with #2 for its
    second patient), diagnosis (M or B) and known_at, the day or time at which the diagnosis became known; `-` is
    standard input. It is recorded whole or not at all. Only pseudonyms of the ids are stored. Outcomes that are known
    already are not recorded again; a different diagnosis of a patient is a correction. It ends as `wdbc live` does.
    """
    from wdbc_assets.domain.data import incoming
    from wdbc_assets.domain.monitoring import outcome_events
    from wdbc_assets.monitoring import outcome_files
    from wdbc_assets.monitoring.inbox import open_inbox
    from wdbc_assets.scoring import readers

    config, store = opened()
    now = clock.now()
    inbox = open_inbox(config)
    _require_key(store, inbox)
    key = inbox.pseudonym_key()
    pseudonyms = {"id": partial(incoming.pseudonym, key), "request_id": partial(incoming.request_pseudonym, key)}
    shown = readers.display_name(str(file))
    events = outcome_events.read(_content(file), now=now, where=shown, pseudonyms=pseudonyms)
    outcome_files.open_files().add(events, now=now)
    if not as_json:
        terminal.say(f"  {formatting.counted(len(events), 'outcome')} delivered")
    with alerting(store, config):
        conclude(store, config, record(store, debug=debug, quiet=as_json), as_json=as_json)


def _require_key(store: "Store", inbox: "Inbox") -> None:
    """Refuse outcomes under a key that is only about to be created, and say so of one that the latest batch lacks."""
    from wdbc_assets.monitoring import batches

    problem = batches.other_key(store, inbox)
    if problem is None:
        return
    hint = (
        "Set DAGSTER_HOME, or WDBC_PSEUDONYM_KEY_FILE, to where its key is. Outcomes under another key are not joined"
        " with those patients."
    )
    if inbox.present_key() is None:
        raise WdbcError(problem, hint=hint)
    terminal.say(f"  note: {problem}. {hint}", err=True)


def _content(file: Path) -> bytes:
    from wdbc_assets.scoring import readers

    where = readers.display_name(str(file))
    try:
        with readers.open_input(str(file)) as opened_file:
            content = opened_file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise WdbcError(
            f"the outcomes cannot be read: {error.strerror}", where=where, hint="Check the path and permissions."
        ) from None
    if len(content) > _MOST_BYTES:
        raise WdbcError(f"the file has more than {_MOST_BYTES // 2**20} MiB", where=where, hint="Deliver it in parts.")
    return content
