"""`wdbc evaluate`: repeated nested cross-validation of recipes, with the reference Airflow project's beside."""

import contextlib
import json
import os
import sys
from typing import Any

import click

from wdbc_assets import logs, settings
from wdbc_assets.cli import evaluation, terminal
from wdbc_assets.domain.evaluation import floors
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.orchestration import launch
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Store, open_store


@click.command()
@click.option("--protocol", type=click.Choice(list(recipes.PROTOCOLS)), help="3 or 10 repeats. [default: quick]")
@click.option(
    "--recipe",
    "names",
    multiple=True,
    type=click.Choice(list(recipes.RECIPES)),
    help=f"Judge this one too; may be given several times. {floors.RECIPE} and {recipes.BASELINE} always are.",
)
@click.option("--workers", type=click.IntRange(1, 256), metavar="N", help="Processes. [default: one per processor]")
@click.option("--force", is_flag=True, help="Judge every fold again, done before or not.")
@click.option("--json", "as_json", is_flag=True, help="For machines: the figures on stdout, all else on stderr.")
@click.pass_obj
def evaluate(
    debug: bool,  # noqa: FBT001 -- click passes it so
    /,
    *,
    protocol: str | None,
    names: tuple[str, ...],
    workers: int | None,
    force: bool,
    as_json: bool,
) -> None:
    """Judge recipes by 10 folds of all patients, repeated, and show every figure with its interval.

    Stopped in the middle, it goes on from the folds that are done; so does an evaluation of more recipes or repeats.
    """
    if workers is not None:
        os.environ[settings.variable("workers")] = str(workers)
    options = {"protocol": protocol, "evaluated_recipes": ",".join(names) or None}
    chosen = settings.load(**options)
    root = settings.project_root()
    logs.open_log(chosen.log, relative_to=root)
    store = open_store(chosen.storage, relative_to=root)
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        run_id = launch.job("evaluate", store, chosen, options, reporter=terminal.Lines(), force=force, debug=debug)
    manifest = store.handle("cross_validation", run_id=run_id).manifest
    files = store.files(manifest)
    summary, winners = json.loads(files["summary.json"]), json.loads(files["winners.json"])
    if as_json:
        terminal.document(_plain(store, manifest, summary, winners))
        return
    evaluation.show(summary, winners, chosen.protocol)
    terminal.warn_if_replaced(store, manifest)
    terminal.say(f"\n  stored in {store.url}")
    terminal.say(f"  next: {_next(chosen.protocol)}")


def _next(protocol: str) -> str:
    wdbc = terminal.command_name()
    first = f"{wdbc} evaluate --protocol full" if protocol == "quick" else f"{wdbc} run"
    return f"{first}, {wdbc} evaluate --recipe NAME, {wdbc} ui"


def _plain(store: Store, manifest: Manifest, summary: dict[str, Any], winners: list[dict[str, Any]]) -> dict[str, Any]:
    protocol = manifest.parameters["protocol"]
    bounds = {name: {"floor": one.floor(protocol), "alarm": one.alarm} for name, one in floors.BOUNDS.items()}
    return {
        "store": store.url,
        "version": manifest.version,
        "made_at": manifest.made_at,
        "protocol": protocol,
        **summary,
        "bounds": {"recipe": floors.RECIPE, **bounds},
        "checks": manifest.checks,
        "winners": {name: evaluation.chosen(winners, name) for name in summary["recipes"]},
    }
