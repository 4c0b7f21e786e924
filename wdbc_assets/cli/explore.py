"""`wdbc explore`: what the data look like, in findings and figures; the pictures are in the UI."""

import textwrap
from typing import Any

import click

from wdbc_assets import logs, settings
from wdbc_assets.cli import terminal
from wdbc_assets.domain.data import insights
from wdbc_assets.orchestration import launch
from wdbc_assets.store.store import open_store

_MEASUREMENTS_SHOWN = 10
_WIDTH = 100


@click.command()
@click.option("--force", is_flag=True, help="Compute it again, up to date or not.")
@click.pass_obj
def explore(debug: bool, /, *, force: bool) -> None:  # noqa: FBT001 -- click passes it so
    """Show what the data look like: findings, the best measurements, and those that say nearly the same."""
    chosen = settings.load()
    root = settings.project_root()
    logs.open_log(chosen.log, relative_to=root)
    store = open_store(chosen.storage, relative_to=root)
    run_id = launch.job("explore", store, chosen, {}, reporter=terminal.Lines(), force=force, debug=debug)
    manifest = store.handle("exploration", run_id=run_id).manifest
    _show(store.document(manifest, "exploration.json"))
    terminal.say(f"\n  stored in {store.url}")
    terminal.say(f"  next: {terminal.command_name()} ui, for the pictures of exploration")


def _show(exploration: dict[str, Any]) -> None:
    terminal.say(
        f"\n  {exploration['rows']} patients: {exploration['benign']} benign, {exploration['malignant']} malignant"
    )
    for finding in exploration["findings"]:
        _wrapped(finding)
    terminal.say(
        f"\n  {'measurement':<24} {'median benign':>13} {'malignant':>10} {'AUC':>7} {'skew':>6} {'outliers':>9}"
    )
    for name in insights.best_first(exploration)[:_MEASUREMENTS_SHOWN]:
        one = exploration["measurements"][name]
        terminal.say(
            f"  {name:<24} {one['benign']['median']:>13.4g} {one['malignant']['median']:>10.4g} {one['auc']:>7.4f}"
            f" {_skew(one['skew']):>6} {one['outliers']:>9}"
        )
    correlation = exploration["correlation"]
    if correlation["clusters"]:
        terminal.say(f"\n  every two in a line correlate at {correlation['bound']:g} or more")
    for cluster in correlation["clusters"]:
        _wrapped(", ".join(cluster))


def _skew(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2f}"


def _wrapped(text: str) -> None:
    for line in textwrap.wrap(text, _WIDTH, initial_indent="  - ", subsequent_indent="    "):
        terminal.say(line)
