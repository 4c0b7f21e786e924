"""`wdbc evaluate`: repeated nested cross-validation of recipes, compared with the reference Airflow project's."""

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from wdbc_assets import settings
from wdbc_assets.cli import evaluation, terminal
from wdbc_assets.cli.opening import opened
from wdbc_assets.domain.evaluation import floors
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.orchestration import launch
from wdbc_assets.pipeline import staleness
from wdbc_assets.registry.evidence import LABELLED
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store import parsing
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    from wdbc_assets.domain.evaluation.comparison import CrossValidation


@click.command()
@click.option("--protocol", type=click.Choice(list(recipes.PROTOCOLS)), help="3 or 10 repeats. [default: quick]")
@click.option(
    "--recipe",
    "names",
    multiple=True,
    type=terminal.RecipeName(),
    help=f"Evaluate this recipe too (repeatable). Always evaluated: {', '.join(floors.EVALUATED)}.",
)
@click.option(
    "--workers", type=click.IntRange(1, 256), metavar="N", help="Number of processes. [default: one per processor]"
)
@click.option("--labelled", is_flag=True, help="Evaluate on the labelled patients too: see wdbc retrain.")
@click.option("--force", is_flag=True, help="Evaluate every fold again, even if it was finished before.")
@click.option("--json", "as_json", is_flag=True, help="Print the metrics as JSON on stdout, all else on stderr.")
@click.pass_obj
def evaluate(
    debug: bool,  # noqa: FBT001 -- click passes it so
    /,
    *,
    protocol: str | None,
    names: tuple[str, ...],
    workers: int | None,
    labelled: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Evaluate recipes by repeated nested 10-fold cross-validation, and show each metric with its interval.

    Finished folds are kept: an interrupted evaluation resumes, and more recipes or repeats reuse them.

    With --labelled, the patients are those of the reference and those of the batches whose diagnosis is known, and the
    recipes include the champion's and the configured one. `wdbc promote` compares a candidate by this evaluation.
    """
    if workers is not None:
        os.environ[settings.variable("workers")] = str(workers)
    options = {"protocol": protocol, "evaluated_recipes": ",".join(names) or None}
    config, store = opened(**options)
    asset = LABELLED if labelled else "cross_validation"
    lines, run_id = terminal.Lines(), None
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        if labelled:
            staleness.require_made(store, "outcomes")
            options["evaluated_recipes"] = ",".join(_both(store, config, names))
            run_id = launch.evaluate_labelled(options, reporter=lines, force=force, debug=debug)
        else:
            run_id = launch.job("evaluate", store, config, options, reporter=lines, force=force, debug=debug)
    manifest = store.handle(asset, run_id=run_id).manifest
    value: CrossValidation = store.value(manifest)
    if as_json:
        terminal.document(_plain(store, manifest, value))
        return
    evaluation.show(value.summary, value.winners)
    terminal.warn_if_replaced(store, manifest)
    terminal.say(f"\n  stored in {store.url}")
    terminal.say(f"  next: {f'{terminal.command_name()} promote' if labelled else _next_commands(config.protocol)}")


def _both(store: Store, config: settings.Settings, names: tuple[str, ...]) -> list[str]:
    """Return the recipes to evaluate on the labelled patients: those given, the configured one and the champion's."""
    champion = open_registry(store).standing().recipe
    own = [champion] if champion in recipes.RECIPES else []
    return [*(names or config.evaluated_recipes.split(",")), config.recipe, *own]


def _next_commands(protocol: str) -> str:
    wdbc = terminal.command_name()
    first = f"{wdbc} evaluate --protocol full" if protocol == "quick" else f"{wdbc} run"
    return f"{first}, {wdbc} evaluate --recipe NAME, {wdbc} ui"


def _plain(store: Store, manifest: Manifest, value: "CrossValidation") -> dict[str, Any]:
    limits = floors.limits(floors.RECIPE, value.summary.repeats, published=value.summary.published)
    return {
        "store": store.url,
        "version": manifest.version,
        "made_at": manifest.made_at,
        "protocol": manifest.parameters["protocol"],
        **parsing.plain(value.summary),
        "bounds": {"recipe": floors.RECIPE, **parsing.plain(limits)},
        "checks": parsing.plain(manifest.checks),
        "winners": {name: evaluation.selected_parameters(value.winners, name) for name in value.summary.recipes},
    }
