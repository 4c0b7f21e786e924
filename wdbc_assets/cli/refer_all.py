"""`wdbc refer-all`: refer every patient to a person, whatever the champion says."""

import click

from wdbc_assets.cli import decisions, terminal
from wdbc_assets.registry import referral
from wdbc_assets.registry.decision_log import Decision


@click.command("refer-all")
@click.argument("state", type=click.Choice(("on", "off")))
@click.option("--reason", metavar="TEXT", required=True, help="Reason to record in the history.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def refer_all(*, state: str, reason: str, as_json: bool) -> None:
    """Switch on or off that every patient is referred to a person.

    While it is on, the triage of each patient is refer, in `wdbc predict`, in batches and in the answers of the
    service, which follows within seconds. Probabilities stay as they are. It stays on until it is switched off or
    another model is promoted.
    """
    if not reason.strip():
        raise click.UsageError("--reason is empty: the reason is recorded in the history.")
    config, store, registry = decisions.prepare()
    decision = Decision(actor=config.acting_as(), run_id=None, reason=reason.strip())
    entry = referral.switch(registry, decision, on=state == "on")
    if as_json:
        terminal.document({"refers_everyone": state == "on", "entry": entry and entry.to_plain()})
    elif entry is None:
        terminal.say(f"  it is {state} already; nothing was recorded")
    elif state == "on":
        terminal.say("  every patient is referred to a person from now on, whatever the champion says")
    else:
        terminal.say("  patients are triaged by their prediction sets again")
    if entry is not None:
        decisions.record_in_dagster(store, entry)


def show(policy: referral.Referral | None) -> None:
    """Print that every patient is referred, if so."""
    if policy is not None:
        terminal.say(terminal.style(f"  production: {policy}", fg="red", bold=True))
