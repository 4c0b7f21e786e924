"""`wdbc explore`: a summary of the data in findings and tables; the plots are in the UI."""

import textwrap
from typing import TYPE_CHECKING

import click

from wdbc_assets.cli import terminal
from wdbc_assets.cli.opening import opened
from wdbc_assets.domain import formatting
from wdbc_assets.domain.data import insights
from wdbc_assets.orchestration import launch

if TYPE_CHECKING:
    from wdbc_assets.domain.data.exploration import Exploration

_MEASUREMENTS_SHOWN = 10
_WIDTH = 100


@click.command()
@click.option("--force", is_flag=True, help="Recompute the exploration even if it is up to date.")
@click.pass_obj
def explore(debug: bool, /, *, force: bool) -> None:  # noqa: FBT001 -- click passes it so
    """Summarize the data: findings, the most discriminative measurements, and groups of correlated measurements."""
    config, store = opened()
    run_id = launch.job("explore", store, config, {}, reporter=terminal.Lines(), force=force, debug=debug)
    manifest = store.handle("exploration", run_id=run_id).manifest
    _show(store.value(manifest))
    terminal.say(f"\n  stored in {store.url}")
    terminal.say(f"  next: {terminal.command_name()} ui, for the plots of exploration")


def _show(exploration: "Exploration") -> None:
    terminal.say(f"\n  {exploration.rows} patients: {exploration.benign} benign, {exploration.malignant} malignant")
    for finding in exploration.findings:
        _wrapped(finding)
    terminal.say(
        f"\n  {'measurement':<24} {'median benign':>13} {'malignant':>10} {'AUC':>7} {'skew':>6} {'outliers':>9}"
    )
    for name in insights.best_first(exploration.measurements)[:_MEASUREMENTS_SHOWN]:
        stats = exploration.measurements[name]
        terminal.say(
            f"  {name:<24} {stats.benign.median:>13.4g} {stats.malignant.median:>10.4g}"
            f" {stats.auc:>7.4f} {formatting.number(stats.skew, '.2f'):>6} {stats.outliers:>9}"
        )
    correlation = exploration.correlation
    if correlation.clusters:
        terminal.say(f"\n  groups of measurements that correlate pairwise at {correlation.bound:g} or more")
    for cluster in correlation.clusters:
        _wrapped(", ".join(cluster))


def _wrapped(text: str) -> None:
    for line in textwrap.wrap(text, _WIDTH, initial_indent="  - ", subsequent_indent="    "):
        terminal.say(line)
