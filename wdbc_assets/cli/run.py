"""`wdbc run`: materialize the five assets in this process, through Dagster, skipping what is up to date."""

from pathlib import Path
from typing import Any

import click

from wdbc_assets import logs, settings, sources
from wdbc_assets.cli import terminal
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.orchestration import launch
from wdbc_assets.store.store import Store, open_store


@click.command()
@click.option("--source", metavar="X", help="bundled, uci, a path, or a URL. [env: WDBC_SOURCE; default: bundled]")
@click.option("--source-sha256", metavar="HEX", help="Refuse a source whose SHA-256 is another.")
@click.option("--recipe", type=click.Choice(list(recipes.RECIPES)), help=f"How to model. [default: {recipes.DEFAULT}]")
@click.option("--grid", type=click.Choice(recipes.GRIDS), help="full: every candidate; small: one. [default: full]")
@click.option("--test-size", type=float, metavar="SHARE", help="Share of the rows kept for testing. [default: 0.2]")
@click.option("--split-seed", type=int, metavar="N", help="Seed of the split. [default: 42]")
@click.option("--stratified/--not-stratified", default=None, help="Keep the classes' shares in both parts.")
@click.option("--force", is_flag=True, help="Make every asset again, up to date or not.")
@click.pass_obj
def run(debug: bool, /, *, source: str | None, force: bool, **options: Any) -> None:  # noqa: FBT001 -- click passes it so
    """Make what is not up to date, and show the metrics."""
    if source is not None:
        source = _for_the_environment(source)
    chosen = settings.load(source=source, **options)
    root = settings.project_root()
    logs.open_log(chosen.log, relative_to=root)
    store = open_store(chosen.storage, relative_to=root)
    run_id = launch.job("train", store, chosen, options, reporter=terminal.Lines(), force=force, debug=debug)
    _farewell(store, run_id)


def _for_the_environment(source: str) -> str:
    """Put the source into this process's environment: unlike a run's configuration, it is recorded nowhere."""
    import os

    location = sources.parse(source)
    absolute = str(Path(source).expanduser().absolute()) if location.kind == "path" and "://" not in source else source
    os.environ[settings.variable("source")] = absolute
    return absolute


def _farewell(store: Store, run_id: str | None) -> None:
    metrics = store.handle("metrics", run_id=run_id).manifest
    terminal.metrics_table(store.document(metrics, "metrics.json"))
    terminal.warn_if_replaced(store, metrics)
    terminal.say(f"\n  stored in {store.url}")
    wdbc = terminal.command_name()
    terminal.say(f"  next: {wdbc} status, {wdbc} export DIR, {wdbc} ui")
