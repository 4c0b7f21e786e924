"""`wdbc run`: materialize the assets of the job `train` in this process, through Dagster."""

from typing import Any

import click

from wdbc_assets import settings, sources
from wdbc_assets.cli import terminal
from wdbc_assets.cli.alerting import alerting
from wdbc_assets.cli.opening import opened
from wdbc_assets.domain import defaults
from wdbc_assets.domain.data import membership
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.orchestration import launch
from wdbc_assets.store.store import Store


@click.command()
@click.option("--source", metavar="X", help="bundled, uci, a path, or a URL. [env: WDBC_SOURCE; default: bundled]")
@click.option("--source-sha256", metavar="HEX", help="Refuse a source with any other SHA-256.")
@click.option("--recipe", type=terminal.RecipeName(), help=f"Model recipe. [default: {recipes.DEFAULT}]")
@click.option(
    "--grid", type=click.Choice(recipes.GRIDS), help="full: search all candidates; small: only one. [default: full]"
)
@click.option(
    "--test-size", type=float, metavar="SHARE", help=f"Share of rows in the test set. [default: {defaults.TEST_SIZE}]"
)
@click.option(
    "--split-method",
    type=click.Choice(membership.METHODS),
    help="Draw the test set and the folds by shuffling, or by a hash of the measurements. [default: shuffled]",
)
@click.option("--split-seed", type=int, metavar="N", help=f"Random seed of the split. [default: {defaults.SEED}]")
@click.option("--stratified/--not-stratified", default=None, help="Keep the class proportions in both sets.")
@click.option("--force", is_flag=True, help="Materialize every asset, even if it is up to date.")
@click.pass_obj
def run(debug: bool, /, *, source: str | None, force: bool, **options: Any) -> None:  # noqa: FBT001 -- click passes it so
    """Materialize the assets that are out of date, from the source to the metrics, and show the metrics."""
    if source is not None:
        source = _set_in_environment(source)
    config, store = opened(source=source, **options)
    reporter = terminal.Lines()
    with alerting(store, config):
        run_id = launch.job("train", store, config, options, reporter=reporter, force=force, debug=debug)
        _show_results(store, run_id)


def _set_in_environment(source: str) -> str:
    """Set the source in the environment of this process. Unlike a run's configuration, Dagster does not record it."""
    import os

    location = sources.parse(source)
    absolute = source if "://" in source else location.address
    os.environ[settings.variable("source")] = absolute
    return absolute


def _show_results(store: Store, run_id: str | None) -> None:
    metrics = store.handle("metrics", run_id=run_id).manifest
    terminal.metrics_table(store.value(metrics))
    terminal.warn_if_replaced(store, metrics)
    terminal.say(f"\n  stored in {store.url}")
    wdbc = terminal.command_name()
    terminal.say(f"  next: {wdbc} status, {wdbc} export DIR, {wdbc} ui")
