"""`wdbc rollback`: an earlier champion is in production again."""

import click

from wdbc_assets import logs
from wdbc_assets.cli import decisions, terminal
from wdbc_assets.orchestration import instance
from wdbc_assets.pipeline import staleness
from wdbc_assets.registry.audit_log import Entry
from wdbc_assets.registry.registry import Decision
from wdbc_assets.store.store import Store


@click.command()
@click.option("--to", "version", metavar="VERSION", help="Its first digits. [default: the champion before this one]")
@click.option("--reason", metavar="TEXT", required=True, help="Why; stands in the history.")
def rollback(*, version: str | None, reason: str) -> None:
    """Put an earlier champion back into production. Its files are verified first."""
    if not reason.strip():
        raise click.UsageError("--reason is empty: whoever reads the history wants to know why.")
    chosen, store, registry = decisions.prepare()
    entry = registry.rollback(version, Decision(actor=chosen.acting_as(), run_id=None, reason=reason.strip()))
    terminal.say(
        f"  {entry.recipe} {staleness.short(entry.after or '')} is in production again,"
        f" in place of {staleness.short(entry.before or 'none')}"
    )
    _tell_dagster(store, entry)


def _tell_dagster(store: Store, entry: Entry) -> None:
    """Let Dagster's history show it too. The pointer has been moved: whatever fails here changes nothing about that."""
    try:
        import dagster as dg

        with instance.open_instance() as dagster_instance:
            dagster_instance.report_runless_asset_event(
                dg.AssetMaterialization(
                    asset_key="champion",
                    description=f"Rolled back by {entry.actor}: {entry.reason}",
                    metadata={
                        "recipe": entry.recipe or "",
                        "rolled back by": entry.actor,
                        "reason": entry.reason,
                        "from": entry.before or "",
                        "version": staleness.short(entry.after or ""),
                        "dagster/uri": f"{store.url}/champion/versions/{entry.after}",
                    },
                    tags={"dagster/data_version": entry.after or ""},
                )
            )
    except Exception as error:  # noqa: BLE001 -- Dagster's history is a record beside; the registry's is what counts
        logs.logger.warning("rollback done, but Dagster's history could not be told: %s", type(error).__name__)
        terminal.say("  done, but Dagster's history could not be told; `wdbc history` has it", err=True)
