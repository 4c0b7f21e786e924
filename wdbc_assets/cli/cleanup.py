"""`wdbc gc`: versions that nothing refers to any more."""

from collections import Counter

import click

from wdbc_assets import settings
from wdbc_assets.cli import decisions, status, terminal
from wdbc_assets.pipeline import staleness
from wdbc_assets.registry import gc

_DAY = 24 * 3600


@click.command("gc")
@click.option("--keep", type=click.IntRange(1), default=5, show_default=True, metavar="N",
              help="How many of the last champions stay, with all that they are made of.")  # fmt: skip
@click.option("--older-than", type=terminal.Number(0), default=1.0, show_default=True, metavar="DAYS",
              help="What is younger stays.")  # fmt: skip
@click.option("--apply", "for_real", is_flag=True, help="Remove them. Else they are listed.")
def gc_command(*, keep: int, older_than: float, for_real: bool) -> None:
    """List, or remove, the versions that nothing refers to.

    What stays: what is current, the last champions, all that either was made of, and what a run or a reader may be at.
    """
    _, store, _ = decisions.prepare()
    limits = {"run_limit": settings.run_limit_seconds(), "older_than": older_than * _DAY}
    rest = gc.survey(store, keep=keep, **limits)
    gone = gc.clean(store, keep=keep, **limits) if for_real else [one for one in rest if one.kept is None]
    for one in gone:
        age = f"{one.age / _DAY:.1f} days"
        terminal.say(f"  {one.asset:<17} {staleness.short(one.version)} {status.format_size(one.size):>10} {age:>12}")
    kept = len(rest) - len(gone)
    verb = "removed" if for_real else "to be removed"
    terminal.say(f"  {verb}: {len(gone)} versions, {status.format_size(sum(one.size for one in gone))}; kept: {kept}")
    reasons = Counter(_kind(one.kept) for one in rest if one.kept)
    terminal.say("  kept for: " + ", ".join(f"{reason} ({count})" for reason, count in reasons.most_common()))
    if gone and not for_real:
        terminal.say("  nothing was removed: add --apply")


def _kind(kept: str) -> str:
    return "being made of" if kept.endswith("was made of it") else kept
