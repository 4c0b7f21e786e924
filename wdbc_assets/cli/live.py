"""`wdbc live`: how good the predictions were, from the outcomes that are known by now."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from wdbc_assets import settings
from wdbc_assets.cli import terminal
from wdbc_assets.cli.alerting import alerting
from wdbc_assets.cli.opening import opened
from wdbc_assets.domain import formatting
from wdbc_assets.registry.registry import open_registry

if TYPE_CHECKING:
    from wdbc_assets.domain.monitoring.live import LiveMetrics
    from wdbc_assets.domain.monitoring.rollback_evidence import RollbackEvidence
    from wdbc_assets.store.store import Store

_COLOURS = {"alarm": "red", "no alarm": "green"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def live(debug: bool, /, *, as_json: bool) -> None:  # noqa: FBT001 -- click passes it so
    """Compare the predictions of all batches, and those that the service kept, with the outcomes that are known.

    The service keeps predictions only with WDBC_SERVE_KEEP_PREDICTIONS=true. Outcomes are recorded by
    `wdbc outcomes add`. An alarm does not change the exit code. With WDBC_AUTO_ROLLBACK=guard,
    a champion that is worse than the one before it is rolled back; if the outcomes contradict the predictions without
    that evidence, every patient is referred to a person.
    """
    config, store = opened()
    with alerting(store, config):
        conclude(store, config, record(store, debug=debug, quiet=as_json), as_json=as_json)


@dataclass(frozen=True)
class Recorded:
    """What there is to show.

    Attributes:
        metrics: The live metrics; None without any prediction.
        outdated: The last live metrics, if all predictions were removed since; they stay stored.
        kept: The number of predictions that the service kept.
        removed: The number of batches whose predictions were removed because of their age.
    """

    metrics: "LiveMetrics | None"
    outdated: "LiveMetrics | None"
    kept: int
    removed: int


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
    last = store.current("live_metrics")
    value: LiveMetrics | None = store.value(last) if last else None
    return Recorded(
        metrics=value if scored else None,
        outdated=None if scored else value,
        kept=store.handle("served_predictions").manifest.rows or 0,
        removed=len(store.removed_partitions("predictions")),
    )


def conclude(store: "Store", config: settings.Settings, recorded: Recorded, *, as_json: bool) -> None:
    """Let the guard act on the live metrics, then print both, and whether the service's patients are among them.

    Raises:
        WdbcError: the guard could not do what the evidence calls for.
    """
    from wdbc_assets.orchestration import guarding
    from wdbc_assets.orchestration.instance import open_instance
    from wdbc_assets.store import parsing

    metrics = recorded.metrics
    champion = open_registry(store).standing().version  # which the evidence is about, or is not yet
    result = guarding.act(store, config, open_instance)
    if as_json:
        plain = None if metrics is None else parsing.plain(metrics) | {"verdict": metrics.verdict}
        decision = {"entry": result.entry and result.entry.to_plain(), "reason": result.reason}
        outdated = recorded.outdated and recorded.outdated.as_of
        counts = {"outdated_as_of": outdated, "kept_by_service": recorded.kept, "removed_batches": recorded.removed}
        in_production = open_registry(store).standing().version
        terminal.document({"live_metrics": plain, **counts, "champion": in_production, "guard": decision})
    else:
        _show(recorded, config)
        if metrics is not None and metrics.rollback is not None:
            _show_rollback(metrics.rollback, config.auto_rollback, champion)
        if result.entry is not None:
            done = terminal.style(f"guard: {result.entry.action}", fg="red", bold=True)
            terminal.say(f"  {done}: {result.entry.reason}")
        if result.reason:
            terminal.say(terminal.style(f"  guard: {result.reason}", fg="yellow"))
    if result.error is not None:
        raise result.error


def _show_rollback(evidence: "RollbackEvidence", mode: str, champion: str | None) -> None:
    if champion is not None and evidence.champion != champion:
        terminal.say(
            f"  rollback     {formatting.short(evidence.champion)} is no longer in production; the evidence about"
            f" {formatting.short(champion)} begins with the next batch"
        )
        return
    if not evidence.previous:
        terminal.say("  rollback     no earlier champion scored these patients, so there is nothing to compare with")
        return
    names = f"{formatting.short(evidence.champion)} is worse than {formatting.short(evidence.previous)} before it"
    due = "rolled back" if mode == "guard" else "WDBC_AUTO_ROLLBACK is off: a person rolls back"
    terminal.say(f"  rollback     evidence {evidence} that {names}; {due} at {evidence.threshold:g}")


def _show(recorded: Recorded, config: settings.Settings) -> None:
    metrics = recorded.metrics
    removed = formatting.counted(recorded.removed, "batch", "batches")
    because = f"because of their age ({settings.variable('keep_predictions_days')})"
    if metrics is not None:
        _show_metrics(metrics)
        if recorded.removed:
            terminal.say(f"\n  the predictions of {removed} were removed {because}: their outcomes do not count")
    elif recorded.removed:
        terminal.say(
            f"  no prediction is left to compare with: those of {removed} were removed {because}. The outcomes are"
            " recorded, and those of later batches count once `wdbc monitor` has run"
        )
        if recorded.outdated is not None:
            terminal.say(
                f"  the last live metrics are from before that, as of {recorded.outdated.as_of[:16].replace('T', ' ')}"
                f" UTC: {recorded.outdated.verdict}. Alerts, the guard and `wdbc retrain` go by them until then"
            )
    else:
        terminal.say("  no batch has been scored yet: the outcomes are recorded, and count once `wdbc monitor` has run")
    if recorded.kept:
        terminal.say(
            f"\n  the service has kept {formatting.counted(recorded.kept, 'prediction')}, which are among these"
        )
    elif not config.serve_keep_predictions:
        name = settings.variable("serve_keep_predictions")
        terminal.say(f"\n  of the service's patients nothing stands here: it keeps no predictions unless {name}=true")


def _show_metrics(metrics: "LiveMetrics") -> None:
    from wdbc_assets.domain.monitoring.sequential import LEAST_RECALL

    colour = _COLOURS.get(metrics.verdict, "yellow")
    terminal.say(f"\n  live metrics: {terminal.style(metrics.verdict, fg=colour, bold=True)}")
    patients = formatting.counted(metrics.predictions, "patient has", "patients have")
    terminal.say(f"  {metrics.known:,} of {patients} a known outcome, in {formatting.counted(metrics.weeks, 'week')}")
    for text, count in (
        ("outcomes without a prediction, which count only if there is one", metrics.unknown_patients),
        ("outcomes that were known on a day before the prediction", metrics.before_prediction),
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
        terminal.say(
            f"  {shift.stream:<12} z {shift.z:+.2f} over the last {formatting.counted(shift.window, 'week')}{mark}"
        )
    evidence = metrics.recall_evidence
    terminal.say(
        f"  recall       evidence {formatting.evidence(evidence.largest)} against {LEAST_RECALL:g} from"
        f" {formatting.counted(evidence.malignant, 'malignant patient')}; alarm at {evidence.alarm:g}"
    )
