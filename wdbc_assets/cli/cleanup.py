"""`wdbc gc`: remove versions that nothing refers to."""

from collections import Counter
from dataclasses import asdict
from typing import Any

import click

from wdbc_assets import safe_text, settings
from wdbc_assets.cli import decisions, status, terminal
from wdbc_assets.domain import formatting
from wdbc_assets.monitoring import retention
from wdbc_assets.monitoring.inbox import open_inbox
from wdbc_assets.registry import roots
from wdbc_assets.store import gc

_DAY = 24 * 3600


@click.command("gc")
@click.option("--keep", type=click.IntRange(1), default=5, show_default=True, metavar="N",
              help="Number of past champions to keep, with all their inputs.")  # fmt: skip
@click.option("--older-than", type=terminal.Number(0), default=1.0, show_default=True, metavar="DAYS",
              help="Keep versions younger than this.")  # fmt: skip
@click.option("--apply", "for_real", is_flag=True, help="Remove the versions instead of listing them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def gc_command(*, keep: int, older_than: float, for_real: bool, as_json: bool) -> None:
    """List the versions that nothing refers to, or remove them with --apply.

    Current versions, the last champions, the inputs of both, and versions that a run or a reader may be using are kept.

    Batches, predictions and files of the inbox go when they are older than WDBC_KEEP_BATCHES_DAYS and
    WDBC_KEEP_PREDICTIONS_DAYS. A copy that a killed `wdbc inbox add` has left in the inbox goes after a day.
    """
    config, store, _ = decisions.prepare()
    limits = {"run_limit": settings.run_limit_seconds(), "older_than": older_than * _DAY}
    find_roots = roots.of(store, keep=keep)
    versions = gc.survey(store, find_roots, **limits)
    old = retention.survey(store, open_inbox(config), config)
    aged = {(one.asset, one.version) for one in retention.manifests(store, old)}
    if for_real:
        retention.remove(store, old)
    with terminal.only_json(on=as_json):
        _show_old(old, for_real=for_real)  # even if the collection fails, these are removed
        garbage = [version for version in versions if version.kept is None]
        if for_real:
            garbage = gc.clean(store, find_roots, **limits)
            versions = gc.survey(store, find_roots, **limits)
        kept = [version for version in versions if version.kept]
        left = sum(version.in_use and (version.asset, version.version) in aged for version in kept) if for_real else 0
        reasons = Counter("input of a kept version" if item.is_input else str(item.kept) for item in kept)
        _show(garbage, reasons, kept=len(kept), for_real=for_real)
        if left:
            terminal.say(
                f"  left: the files of {formatting.counted(left, 'removed version')}, which a run or a reader may be"
                " using; a later `wdbc gc --apply` removes them"
            )
        if (garbage or old.partitions or old.files) and not for_real:
            terminal.say("  nothing was removed: add --apply")
    if as_json:
        terminal.document(_plain(old, garbage, reasons, left=left, for_real=for_real))


def _show_old(old: retention.Old, *, for_real: bool) -> None:
    """Print what goes because of its age."""
    verb = "removed" if for_real else "to be removed"
    for partition in old.partitions:
        terminal.say(f"  {partition.asset:<17} {partition.partition}  {verb}: {partition.reason}")
    for path in old.files:
        terminal.say(f"  {'inbox':<17} {safe_text.printable(path.name)}  {verb}")


def _show(garbage: list[gc.Version], reasons: "Counter[str]", *, kept: int, for_real: bool) -> None:
    """Print the versions that go, and why the others are kept."""
    for item in garbage:
        age = f"{item.age / _DAY:.1f} days"
        terminal.say(
            f"  {item.asset:<17} {formatting.short(item.version)} {status.format_size(item.size):>10} {age:>12}"
        )
    verb = "removed" if for_real else "to be removed"
    size = status.format_size(sum(item.size for item in garbage))
    terminal.say(f"  {verb}: {len(garbage)} versions, {size}; kept: {kept}")
    terminal.say("  reasons to keep: " + ", ".join(f"{reason} ({count})" for reason, count in reasons.most_common()))


def _plain(
    old: retention.Old, garbage: list[gc.Version], reasons: "Counter[str]", *, left: int, for_real: bool
) -> dict[str, Any]:
    return {
        "applied": for_real,
        "partitions": [asdict(partition) for partition in old.partitions],
        "inbox": [path.name for path in old.files],
        "versions": [
            {"asset": item.asset, "version": item.version, "bytes": item.size, "age_seconds": round(item.age)}
            for item in garbage
        ],
        "removed_versions_left": left,
        "reasons_to_keep": dict(reasons),
    }
