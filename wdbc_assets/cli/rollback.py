"""`wdbc rollback`: put an earlier champion back into production."""

import click

from wdbc_assets import logs
from wdbc_assets.cli import decisions, terminal
from wdbc_assets.domain import formatting
from wdbc_assets.orchestration import instance
from wdbc_assets.registry.audit_log import Entry
from wdbc_assets.registry.decision_log import Decision
from wdbc_assets.store.store import Store


@click.command()
@click.option("--to", "version", metavar="VERSION", help="First digits of a version. [default: the previous champion]")
@click.option("--reason", metavar="TEXT", required=True, help="Reason to record in the history.")
def rollback(*, version: str | None, reason: str) -> None:
    """Put an earlier champion back into production. Its files are verified first."""
    if not reason.strip():
        raise click.UsageError("--reason is empty: the reason is recorded in the history.")
    config, store, registry = decisions.prepare()
    entry = registry.rollback(version, Decision(actor=config.acting_as(), run_id=None, reason=reason.strip()))
    terminal.say(
        f"  {entry.recipe} {formatting.short(entry.after or '')} is in production again;"
        f" it replaces {formatting.short(entry.before or 'none')}"
    )
    _record_in_dagster(store, entry)


def _record_in_dagster(store: Store, entry: Entry) -> None:
    """Record the rollback in Dagster's history. The pointer has moved already, so a failure here is only a warning."""
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
                        "version": formatting.short(entry.after or ""),
                        "dagster/uri": f"{store.url}/champion/versions/{entry.after}",
                    },
                    tags={"dagster/data_version": entry.after or ""},
                )
            )
    except Exception as error:  # noqa: BLE001 -- the registry's audit log counts; Dagster's history is a copy
        logs.logger.warning("rollback done, but not recorded in Dagster's history: %s", type(error).__name__)
        terminal.say("  rollback done, but not recorded in Dagster's history; `wdbc history` shows it", err=True)
