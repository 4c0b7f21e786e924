"""`wdbc monitor rebase`: accept a legitimate shift as the new reference of the drift report, or undo that."""

from typing import TYPE_CHECKING, Any

import click

from wdbc_assets.cli import decisions, terminal
from wdbc_assets.domain import formatting

if TYPE_CHECKING:
    from wdbc_assets.registry.audit_log import Entry
    from wdbc_assets.registry.references import Proposed


@click.command()
@click.option("--reason", metavar="TEXT", required=True, help="Reason to record in the history.")
@click.option("--batches", type=click.IntRange(1), metavar="N",
              help="Number of last batches. [default: those of the window in alarm]")  # fmt: skip
@click.option("--to-development", is_flag=True, help="Return to the patients that the model was developed on.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rebase(*, reason: str, batches: int | None, to_development: bool, as_json: bool) -> None:
    """Compare later batches with the patients of the last batches, instead of those of development.

    Use it once a shift is understood and legitimate: other patients are referred, or an instrument was replaced. The
    decision is recorded in the history, and undone by another one. Reports of batches before it stay as they are. The
    first report after it has no earlier batches, so it finds less; each report says what it can find.

    Without --batches, the patients are those of the window in alarm. If these are fewer than 100, batches before it are
    taken too, and the output says how many patients these have. Without an alarm, at least 300 patients are taken.

    The model is unchanged: whether its predictions are right on these patients, `wdbc live` says.
    """
    from wdbc_assets.registry import references

    if not reason.strip():
        raise click.UsageError("--reason is empty: the reason is recorded in the history.")
    if to_development and batches is not None:
        raise click.UsageError("--batches and --to-development exclude each other.")
    config, store, registry = decisions.prepare()
    proposed = references.of_development(store) if to_development else references.compose(store, batches)
    entry = references.decide(store, registry, proposed, actor=config.acting_as(), reason=reason.strip())
    if as_json:
        terminal.document(_plain(entry, proposed))
    else:
        _show(entry, proposed)


def _plain(entry: "Entry", proposed: "Proposed") -> dict[str, Any]:
    return {"entry": entry.to_plain(), "known_outcomes": proposed.known, "before_alarm": proposed.before_alarm}


def _show(entry: "Entry", proposed: "Proposed") -> None:
    patients = proposed.patients
    if not patients.table:
        terminal.say("  later batches are compared with the patients of development again,")
        terminal.say("  and with the earlier batches that were compared with these")
    else:
        names = patients.batches
        which = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
        terminal.say(
            f"  later batches are compared with {formatting.counted(patients.patients, 'patient')} of"
            f" {formatting.counted(len(names), 'batch', 'batches')}: {which}"
        )
        terminal.say(
            f"  the diagnosis of {proposed.known:,} of them is known; the others count in both classes, by the"
            " probability of the model"
        )
        if proposed.before_alarm:
            warning = (
                f"  warning: {formatting.counted(proposed.before_alarm, 'patient')} of these batches arrived before the"
                " window in alarm; if they are from before the shift, it may alarm again: `--batches N` chooses others"
            )
            terminal.say(terminal.style(warning, fg="yellow"))
    terminal.say(f"  entry {entry.number} of the history, by {entry.actor} at {entry.at[:19].replace('T', ' ')} UTC")
    if patients.table:
        terminal.say("  the scan begins again: the next report has no earlier batches, and says what it can find")
