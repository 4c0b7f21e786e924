"""`wdbc run`: materialize the five assets in this process, through Dagster, skipping what is up to date."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from wdbc_assets import freshness, logs, settings, sources
from wdbc_assets.cli import history, terminal
from wdbc_assets.domain import recipes
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.storage.store import Store, open_store


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
    states = freshness.survey(store, chosen)
    # A remote source is asked inside a run, so that its answer stands in Dagster's history.
    remote = sources.parse(chosen.source).kind in ("http", "object")
    run_id = None
    if not remote and not force and all(state.up_to_date for state in states):
        for state in states:
            store.forget_refusal(state.asset)
            if state.passport:
                terminal.asset_line(state.asset, "unchanged", state.passport.rows, None, state.passport.version)
    else:
        given = {name: value for name, value in options.items() if value is not None}
        run_id = _through_dagster(given, force=force, debug=debug)
    _farewell(store, run_id)


def _for_the_environment(source: str) -> str:
    """Put the source into this process's environment: unlike a run's configuration, it is recorded nowhere."""
    import os

    location = sources.parse(source)
    absolute = str(Path(source).expanduser().absolute()) if location.kind == "path" and "://" not in source else source
    os.environ[settings.variable("source")] = absolute
    return absolute


def _through_dagster(options: dict[str, Any], *, force: bool, debug: bool) -> str:
    """Run the job in this process, and return the run's id."""
    settings.ensure_home()
    # Before Dagster: skops looks for each function of scipy in every module that is loaded when it is imported.
    import skops.io  # noqa: F401, I001
    from wdbc_assets import lineage
    from wdbc_assets.assets.versioned import FORCE_TAG
    from wdbc_assets.definitions import defs

    configuration: dict[str, Any] = {}
    for asset, derivation in lineage.DERIVATIONS.items():
        names = derivation.parameters.model_fields if derivation.parameters else {}
        if own := {name: value for name, value in options.items() if name in names}:
            configuration[asset] = {"config": own}
    lines = terminal.Lines()
    logs.logger.addHandler(lines)
    try:
        with history.opened() as instance:
            result = defs.resolve_job_def("train").execute_in_process(
                instance=instance,
                run_config={
                    "ops": configuration,
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
                tags={history.PROCESS_TAG: history.this_process()} | ({FORCE_TAG: "true"} if force else {}),
                raise_on_error=debug,
            )
    finally:
        logs.logger.removeHandler(lines)
    if result.success:
        return result.run_id
    if lines.errors:
        raise lines.errors[0]
    raise WdbcError(
        f"run {result.run_id} failed",
        where="Dagster's history",
        mend="See the run's log in the UI (`wdbc ui`), or run `wdbc --debug run`.",
    )


def _farewell(store: Store, run_id: str | None) -> None:
    metrics = store.handle("metrics", run_id=run_id).passport
    terminal.metrics_table(json.loads(store.files(metrics)["metrics.json"]))
    current = store.current("metrics")
    if current is None or current.version != metrics.version:
        click.echo("\n  another run replaced an input meanwhile: these results are kept, but are not the current ones")
    click.echo(f"\n  stored in {store.url}")
    # As it was called, for `make run` puts nothing on the PATH.
    wdbc = "wdbc" if shutil.which("wdbc") else sys.argv[0]
    click.echo(f"  next: {wdbc} status, {wdbc} export DIR, {wdbc} ui")
