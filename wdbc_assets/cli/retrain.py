"""`wdbc retrain`: whether a retraining is wanted, and the comparison of a refit with the champion."""

from typing import TYPE_CHECKING, Any

import click

from wdbc_assets.cli import decisions, terminal
from wdbc_assets.cli.alerting import alerting
from wdbc_assets.domain import formatting
from wdbc_assets.registry import retraining
from wdbc_assets.registry.registry import Registry
from wdbc_assets.store import parsing
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    from wdbc_assets.domain.monitoring.retraining import Need
    from wdbc_assets.registry.retraining import ComparedRefit


@click.command()
@click.option("--dry-run", is_flag=True, help="Say whether a retraining is wanted, and change nothing.")
@click.option("--force", is_flag=True, help="Retrain although it is not wanted, or too soon after the last one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def retrain(debug: bool, /, *, dry_run: bool, force: bool, as_json: bool) -> None:  # noqa: FBT001 -- click passes it so
    """Retrain the champion if that is wanted: by schedule, because of an alarm, or for enough new diagnoses.

    The champion's recipe is fitted on the training set and on the patients of the batches whose diagnosis is known,
    except the newest: on those the refit is compared with the champion.

    A refit that is better is promoted by `wdbc promote --refit`, or immediately if WDBC_AUTO_PROMOTE is evidence.

    Exit codes: 0 not wanted, or the refit may be promoted or was; 3 compared, and the champion stays; 1 an error.
    """
    from wdbc_assets.monitoring import retraining as needs

    if force and dry_run:
        raise click.UsageError("--force and --dry-run cannot be combined: a dry run changes nothing.")
    config, store, registry = decisions.prepare()
    need = needs.need(store, config)
    if not as_json:
        _show_need(need)
    run = not dry_run and (force or need.wanted)
    made = None
    if run:
        why = "; ".join(need.reasons) or f"asked for by {config.acting_as()}"
        with alerting(store, config):
            made = _retrain(store, why, debug=debug, quiet=as_json)
    if as_json:
        terminal.document(_plain(need, registry, made))
    elif made is not None:
        _show(registry, made)
    elif need.wanted or force:
        terminal.say("  nothing was changed: this was a dry run")
    failed = made is not None and made.verdict not in retraining.PASSING
    click.get_current_context().exit(decisions.CHAMPION_STAYS if failed else 0)


def _retrain(store: Store, why: str, *, debug: bool, quiet: bool) -> "ComparedRefit":
    from wdbc_assets.orchestration import launch

    run_id = launch.retrain(why, reporter=terminal.Lines(quiet=quiet), debug=debug)
    return retraining.gather(store, run_id=run_id)


def _show_need(need: "Need") -> None:
    wanted = "wanted" if need.wanted else "not wanted"
    terminal.say(f"  retraining: {terminal.style(wanted, fg='yellow' if need.wanted else 'green', bold=True)}")
    for reason in need.reasons or ("no alarm, not due, and not enough new diagnoses",):
        terminal.say(f"    because: {reason}" if need.reasons else f"    {reason}")
    for obstacle in need.obstacles:
        terminal.say(f"    but: {obstacle}")
    for group in need.unusable:
        terminal.say(f"    not counted: {group}")


def _show(registry: Registry, made: "ComparedRefit") -> None:
    decisions.show_comparison(made.document)
    wdbc = terminal.command_name()
    if registry.standing().version != made.comparison.champion:
        terminal.say(f"  promoted: {formatting.short(registry.standing().version)} is in production")
        terminal.say(f"  next: {wdbc} champion, {wdbc} rollback --reason TEXT")
    elif retraining.was_promoted(registry.standing().history.entries, made.comparison.refit):
        terminal.say("  the champion stays: this refit was in production before, and was rolled back")
    elif made.verdict in retraining.PASSING:
        terminal.say(f"  the champion stays until a person promotes the refit: {wdbc} promote --refit")
    else:
        terminal.say("  the champion stays; the next retraining compares again, with more patients")


def _plain(need: "Need", registry: Registry, made: "ComparedRefit | None") -> dict[str, Any]:
    return {
        "wanted": need.wanted,
        "reasons": list(need.reasons),
        "obstacles": list(need.obstacles),
        "unusable": list(need.unusable),
        "comparison": made and parsing.plain(made.comparison),
        "champion": registry.standing().version,
    }
