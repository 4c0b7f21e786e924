"""`wdbc live`: how good the predictions were, from the outcomes that are known by now."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from wdbc_assets import settings
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
    """Compare the predictions of all batches, and those that the service kept, with the outcomes that are known.

    The service keeps predictions only with WDBC_SERVE_KEEP_PREDICTIONS=true. Outcomes are recorded by
    `wdbc outcomes add`. An alarm does not change the exit code.
    """
    config, store = opened()
    with alerting(store, config):
        show(record(store, debug=debug, quiet=as_json), config, as_json=as_json)


@dataclass(frozen=True)
class Recorded:
    """The live metrics, None if nobody has been scored yet, and the number of predictions that the service kept."""

    metrics: "LiveMetrics | None"
    kept: int


def record(store: "Store", *, debug: bool, quiet: bool) -> Recorded:
    """Record what was delivered and what the service kept, and return the live metrics."""
    from wdbc_assets.orchestration import launch
    from wdbc_assets.pipeline import served_files, specs

    kept = store.current("served_predictions")
    scored = bool(
        store.partitions("predictions") or (kept and kept.rows) or served_files.open_files().kept_predictions()
    )
    assets = specs.JOBS["live"] if scored else ("outcomes", "served_predictions")
    launch.live(reporter=terminal.Lines(quiet=quiet), debug=debug, assets=assets)
    metrics: LiveMetrics | None = store.handle("live_metrics").load() if scored else None
    return Recorded(metrics, store.handle("served_predictions").manifest.rows or 0)


def show(recorded: Recorded, config: settings.Settings, *, as_json: bool) -> None:
    """Print the live metrics, and whether those of the service's patients can be among them."""
    metrics = recorded.metrics
    if as_json:
        from wdbc_assets.store import parsing

        plain = None if metrics is None else parsing.plain(metrics) | {"verdict": metrics.verdict}
        terminal.document({"live_metrics": plain, "kept_by_service": recorded.kept})
        return
    if metrics is None:
        terminal.say("  no batch has been scored yet: the outcomes are recorded, and count once `wdbc monitor` has run")
    else:
        _show_metrics(metrics)
    if recorded.kept:
        terminal.say(f"\n  the service has kept {recorded.kept:,} predictions, which are among these")
    elif not config.serve_keep_predictions:
        name = settings.variable("serve_keep_predictions")
        terminal.say(f"\n  of the service's patients nothing stands here: it keeps no predictions unless {name}=true")


def _show_metrics(metrics: "LiveMetrics") -> None:
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
