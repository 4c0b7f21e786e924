"""`wdbc evaluate`: repeated nested cross-validation of recipes, with the exam project's beside."""

import json
import os
from typing import Any

import click

from wdbc_assets import logs, settings
from wdbc_assets.cli import launch
from wdbc_assets.domain import floors, recipes
from wdbc_assets.storage.store import open_store


@click.command()
@click.option("--protocol", type=click.Choice(list(recipes.PROTOCOLS)), help="3 or 10 repeats. [default: quick]")
@click.option("--recipe", "names", multiple=True, type=click.Choice(list(recipes.RECIPES)), help="Judge this one too.")
@click.option("--workers", type=click.IntRange(1, 256), metavar="N", help="Processes. [default: one per processor]")
@click.option("--force", is_flag=True, help="Judge every fold again, done before or not.")
@click.pass_obj
def evaluate(
    debug: bool,  # noqa: FBT001 -- click passes it so
    /,
    *,
    protocol: str | None,
    names: tuple[str, ...],
    workers: int | None,
    force: bool,
) -> None:
    """Judge recipes by 10 folds of all patients, repeated, and show every figure with its interval.

    Stopped in the middle, it goes on from the folds that are done.
    """
    if workers is not None:
        os.environ[settings.variable("workers")] = str(workers)
    options = {"protocol": protocol, "evaluated_recipes": ",".join(names) or None}
    chosen = settings.load(**options)
    root = settings.project_root()
    logs.open_log(chosen.log, relative_to=root)
    store = open_store(chosen.storage, relative_to=root)
    run_id = launch.job("evaluate", store, chosen, options, force=force, debug=debug)
    passport = store.handle("cross_validation", run_id=run_id).passport
    summary = json.loads(store.files(passport)["summary.json"])
    _show(summary, chosen.protocol)
    click.echo(f"\n  stored in {store.url}")


def _show(summary: dict[str, Any], protocol: str) -> None:
    click.echo(
        f"\n  {summary['patients']} patients, {summary['repeats']} times {summary['folds']} folds;"
        " 95 % intervals with the correction of Nadeau and Bengio"
    )
    for name, figures in summary["recipes"].items():
        click.echo(f"\n  {name:<14} {'mean':>8} {'sd':>8}   {'95 % interval':<18}" + _head(name))
        for metric, figure in figures.items():
            interval = "" if figure["low"] is None else f"[{figure['low']:.4f}, {figure['high']:.4f}]"
            click.echo(
                f"  {metric:<14} {figure['mean']:>8.4f} {figure['sd']:>8.4f}   {interval:<18}"
                + (_floor(metric, figure["mean"], protocol) if name == floors.RECIPE else "")
            )
    click.echo(f"\n  {'difference':<30} {'log-loss':<28} accuracy")
    for one in summary["differences"]:
        shown = [f"{one[of]['mean']:+.4f} [{one[of]['low']:+.4f}, {one[of]['high']:+.4f}]" for of in _COMPARED]
        click.echo(f"  {one['recipe'] + ' - ' + one['minus']:<30} {shown[0]:<28} {shown[1]}")


_COMPARED = ("log_loss", "accuracy")


def _head(name: str) -> str:
    return "  floor" if name == floors.RECIPE else ""


def _floor(metric: str, mean: float, protocol: str) -> str:
    if metric not in floors.BOUNDS:
        return ""
    bound = floors.BOUNDS[metric].floor(protocol)
    good = not floors.missed({metric: {"mean": mean}}, protocol)
    relation = "<=" if metric in floors.LESS_IS_BETTER else ">="
    return "  " + click.style(f"{relation} {bound:g}" + ("" if good else "  missed"), fg="green" if good else "red")
