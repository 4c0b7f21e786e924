"""What the commands about production share: how they start, and how they show comparisons and history entries."""

from dataclasses import dataclass
from typing import Any

from wdbc_assets import logs, settings
from wdbc_assets.cli import terminal
from wdbc_assets.cli.opening import opened
from wdbc_assets.domain import formatting
from wdbc_assets.domain.promotion import criteria
from wdbc_assets.domain.promotion.gate import Verdict
from wdbc_assets.registry.audit_log import MOVES, Entry, ReferencePatients
from wdbc_assets.registry.registry import Registry, open_registry
from wdbc_assets.registry.verdicts import VerdictDocument
from wdbc_assets.store import parsing
from wdbc_assets.store.store import Store

CHAMPION_STAYS = 3
"""The exit code for a candidate that was compared and not promoted."""

WAYS_BACK = 10
"""Number of earlier champions that fast commands verify; `wdbc verify` verifies all of them."""

_COLOURS = {
    "first": "green",
    "better": "green",
    "not worse": "cyan",
    "inconclusive": "yellow",
    "not measured": "yellow",
    "too few to say": "yellow",
    "worse": "red",
}


@dataclass(frozen=True)
class Decided:
    """How a decision ended.

    Attributes:
        passed: Whether the candidate is in production, or would be without `--dry-run`.
        comparison: The comparison, if there was one.
        entry: The entry of the history; None if nothing was decided.
    """

    passed: bool
    comparison: VerdictDocument | None = None
    entry: Entry | None = None

    @property
    def code(self) -> int:
        """The exit code."""
        return 0 if self.passed else CHAMPION_STAYS

    def to_plain(self, champion: str | None) -> dict[str, Any]:
        """Return what `--json` prints, with the champion that is in production now."""
        return {
            "passed": self.passed,
            "champion": champion,
            "entry": self.entry and self.entry.to_plain(),
            "comparison": self.comparison and parsing.plain(self.comparison),
        }


def prepare() -> tuple[settings.Settings, Store, Registry]:
    """Load the settings and open the log; return the settings, the store and its registry."""
    config, store = opened()
    return config, store, open_registry(store)


def show_comparison(document: VerdictDocument) -> None:
    """Show a comparison: the two models, each criterion with its interval and bound, and the verdict last."""
    verdict, candidate, champion = document.verdict, document.candidate, document.champion
    made = "fitted_pipeline" if verdict.folds else "refit"
    terminal.say(f"\n  candidate  {candidate.recipe:<14} {formatting.short(candidate.version)}  ({made})")
    if champion:
        terminal.say(f"  champion   {champion.recipe:<14} {formatting.short(champion.version)}")
    difference = "; candidate minus champion" if verdict.comparison else ""
    folds = f"{verdict.repeats} x {verdict.folds} folds" if verdict.folds else "which neither model has seen"
    terminal.say(f"  {verdict.patients} patients, {folds}{difference}")
    terminal.say(f"\n  {'criterion':<14} {'value':>8}   {'interval':<20} {'met':<4} required")
    for criterion in verdict.criteria:
        form = ".4f" if criterion.low is None else "+.4f"
        value = "" if criterion.value is None else formatting.number(criterion.value, form)
        interval = "" if criterion.low is None else f"[{criterion.low:+.4f}, {criterion.high:+.4f}]"
        met = terminal.style("yes", fg="green") if criterion.holds else terminal.style("no ", fg="red")
        terminal.say(f"  {criterion.name:<14} {value:>8}   {interval:<20} {met}  {criterion.demand}")
        if criterion.found and not criterion.holds:
            terminal.say(f"  {'':<14} {criterion.found}")
    for line in notes(verdict):
        terminal.say(f"  {line}".rstrip())
    name = terminal.style(verdict.name, fg=_COLOURS.get(verdict.name), bold=True)
    terminal.say(f"\n  verdict: {name}; {verdict.reason}")


def notes(verdict: Verdict) -> list[str]:
    """Return what to know of a comparison besides its criteria: the accuracy, the attempt, and the power."""
    if verdict.comparison is None:
        return []
    power = ", ".join(
        f"{share:.0%} of gains of {gain:.3f}"
        for gain, share in zip(criteria.GAINS, verdict.comparison.power, strict=True)
    )
    level = criteria.alpha(verdict.attempt)
    attempt = f"attempt        {verdict.attempt} of a candidate against this champion, at the level {level:.2g}"
    return [
        "",
        f"accuracy       {formatting.difference(verdict.comparison.accuracy)}, which decides nothing",
        *([attempt] if verdict.folds else []),
        f"power          it would recognize about {power} in log-loss",
    ]


def show_standing(entry: Entry, promotion: Entry | None) -> None:
    """Show when and by whom the champion was put into production, and whether it was forced."""
    terminal.say(f"  since {entry.at[:19].replace('T', ' ')} UTC, {entry.action} by {entry.actor}: {entry.reason}")
    if promotion is not None and promotion.forced:
        forced = terminal.style("FORCED", fg="red", bold=True)
        terminal.say(f"  {forced} by {promotion.actor}, against the verdict {promotion.verdict}: {promotion.reason}")


def history_line(entry: Entry) -> str:
    """Return a history entry as one line."""
    change = formatting.short(entry.after or "none")
    if entry.action in MOVES:
        change = f"{formatting.short(entry.before or 'none')} -> {change}"
    forced = "forced, " if entry.forced else ""
    policy = f"policy for {formatting.percent(entry.policy.prevalence)} malignant: " if entry.policy else ""
    verdict = f"{entry.verdict}: " if entry.verdict else ""
    reference = f"{_reference(entry.reference)}: " if entry.reference else ""
    return (
        f"  {entry.number:>4}  {entry.at[:19].replace('T', ' ')}  {entry.actor:<12} {entry.action:<15} {change:<28}"
        f" {entry.recipe or '-':<14} {forced}{verdict}{policy}{reference}{entry.reason}"
    )


def _reference(patients: ReferencePatients) -> str:
    if not patients.table:
        return "batches are compared with the patients of development"
    people = formatting.counted(patients.patients, "patient")
    batches = formatting.counted(len(patients.batches), "batch", "batches")
    return f"batches are compared with {people} of the last {batches}"


def record_in_dagster(store: Store, entry: Entry) -> None:
    """Record a decision in Dagster's history. The pointer has moved already, so a failure here is only a warning."""
    try:
        from wdbc_assets.orchestration import champion_events, instance

        with instance.open_instance() as dagster_instance:
            champion_events.report(dagster_instance, store, entry)
    except Exception as error:  # noqa: BLE001 -- the registry's audit log counts; Dagster's history is a copy
        logs.logger.warning("decision made, but not recorded in Dagster's history: %s", type(error).__name__)
        terminal.say(f"  {entry.action}, but not recorded in Dagster's history; `wdbc history` shows it", err=True)
