"""`wdbc rollback`: put an earlier champion back into production."""

import click

from wdbc_assets.cli import decisions, terminal
from wdbc_assets.domain import formatting
from wdbc_assets.registry import policies
from wdbc_assets.registry.decision_log import Decision


@click.command()
@click.option("--to", "version", metavar="VERSION", help="First digits of a version. [default: the previous champion]")
@click.option("--reason", metavar="TEXT", required=True, help="Reason to record in the history.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rollback(*, version: str | None, reason: str, as_json: bool) -> None:
    """Put an earlier champion back into production. Its files are verified first."""
    if not reason.strip():
        raise click.UsageError("--reason is empty: the reason is recorded in the history.")
    config, store, registry = decisions.prepare()
    entry = registry.rollback(version, Decision(actor=config.acting_as(), run_id=None, reason=reason.strip()))
    with terminal.only_json(on=as_json):
        terminal.say(
            f"  {entry.recipe} {formatting.short(entry.after or '')} is in production again;"
            f" it replaces {formatting.short(entry.before or 'none')}"
        )
        if entry.policy is not None:
            terminal.say(f"  {policies.describe(entry.policy)}")
    if as_json:
        terminal.document({"champion": entry.after, "entry": entry.to_plain()})
    decisions.record_in_dagster(store, entry)
