"""`wdbc live`: how good the predictions were, from the outcomes that are known by now."""

from typing import TYPE_CHECKING

import click

from wdbc_assets.cli import terminal
from wdbc_assets.cli.alerting import alerting
from wdbc_assets.cli.opening import opened
from wdbc_assets.domain import formatting

if TYPE_CHECKING:
    from wdbc_assets.domain.monitoring.live import LiveMetrics
    from wdbc_assets.store.store import Store

_COLOURS = {"alarm": "red", "no alarm": "green"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def live(debug: bool, /, *, as_json: bool) -> None:  # noqa: FBT001 -- click passes it so
    """Compare the predictions of all batches with the outcomes that are known.

    Outcomes are recorded by `wdbc outcomes add`. An alarm does not change the exit code.
    """
    config, store = opened()
    with alerting(store, config):
        show(record(store, debug=debug, quiet=as_json), as_json=as_json)


def record(store: "Store", *, debug: bool, quiet: bool) -> "LiveMetrics | None":
    """Record what was delivered, and return the live metrics; None if no batch has been scored yet."""
    from wdbc_assets.orchestration import launch
    from wdbc_assets.pipeline import specs

    scored = bool(store.partitions("predictions"))
    assets = specs.JOBS["live"] if scored else ("outcomes",)
    launch.live(reporter=terminal.Lines(quiet=quiet), debug=debug, assets=assets)
    metrics: LiveMetrics | None = store.handle("live_metrics").load() if scored else None
    return metrics


def show(metrics: "LiveMetrics | None", *, as_json: bool) -> None:
    """Print the live metrics."""
    if as_json:
        from wdbc_assets.store import parsing

        plain = None if metrics is None else parsing.plain(metrics) | {"verdict": metrics.verdict}
        terminal.document({"live_metrics": plain})
        return
    if metrics is None:
        terminal.say("  no batch has been scored yet: the outcomes are recorded, and count once `wdbc monitor` has run")
        return
    colour = _COLOURS.get(metrics.verdict, "yellow")
    terminal.say(f"\n  live metrics: {terminal.style(metrics.verdict, fg=colour, bold=True)}")
    weeks = "1 week" if metrics.weeks == 1 else f"{metrics.weeks} weeks"
    terminal.say(f"  {metrics.known:,} of {metrics.predictions:,} patients have a known outcome, in {weeks}")
    for text, count in (
        ("outcomes without a prediction, which count once there is one", metrics.unknown_patients),
        ("outcomes that were known before the prediction", metrics.before_prediction),
        ("corrected diagnoses", metrics.corrected),
        ("patients with contradictory diagnoses, which do not count until corrected", metrics.contradictory),
    ):
        if count:
            terminal.say(f"  {text}: {count:,}")
    arrived = ", ".join(f"{one.triage} {one.known:,} of {one.predictions:,}" for one in metrics.arrived)
    terminal.say(f"  known by triage: {arrived}. The metrics are those of these patients, not of a random sample")
    terminal.say(f"\n  {'metric':<12} {'value':>7}   {'95 % interval':<18}  by")
    for name, metric in metrics.metrics.items():
        bounds = "" if metric.low is None else f"[{metric.low:.4f}, {metric.high:.4f}]"
        value = "n/a" if metric.value is None else f"{metric.value:.4f}"
        terminal.say(
            f"  {name:<12} {value:>7}   {bounds:<18}  {metric.by if metric.low is not None else metric.reason}"
        )
    scan = metrics.scan
    terminal.say(
        f"\n  alarm above z = {scan.threshold:g}: by chance in {formatting.percent(scan.false_alarms)} of years"
        if scan.shifts
        else "\n  calibration: too few weeks to say"
    )
    for shift in scan.shifts:
        mark = terminal.style("  alarm", fg="red") if shift in scan.alarms else ""
        terminal.say(f"  {shift.stream:<12} z {shift.z:+.2f} over the last {shift.window} weeks{mark}")
    evidence = metrics.recall_evidence
    terminal.say(
        f"  recall       evidence {evidence.largest:.2f} against 0.95 from {evidence.malignant} malignant patients;"
        f" alarm at {evidence.alarm:g}"
    )
