"""How a judgement, and the entries of the history, are shown; and what the commands about production share."""

from collections.abc import Mapping
from typing import Any

from wdbc_assets import logs, settings
from wdbc_assets.cli import terminal
from wdbc_assets.pipeline import staleness
from wdbc_assets.registry.audit_log import MOVES, Entry
from wdbc_assets.registry.registry import Registry, open_registry
from wdbc_assets.store.store import Store, open_store

CHAMPION_STAYS = 3
"""The exit code for a candidate that was judged and not promoted."""

WAYS_BACK = 10
"""How many earlier champions are looked at by commands that have to be fast; `wdbc verify` looks at all."""

_COLOURS = {"first": "green", "better": "green", "not worse": "cyan", "cannot tell": "yellow", "worse": "red"}


def prepare() -> tuple[settings.Settings, Store, Registry]:
    """Open the log and the store; return the settings, the store and its registry."""
    chosen = settings.load()
    root = settings.project_root()
    logs.open_log(chosen.log, relative_to=root)
    store = open_store(chosen.storage, relative_to=root)
    return chosen, store, open_registry(store)


def show_comparison(document: Mapping[str, Any]) -> None:
    """Show a judgement: who against whom, each criterion with interval and bound, and the verdict last."""
    verdict, candidate, champion = document["verdict"], document["candidate"], document["champion"]
    terminal.say(f"\n  candidate  {candidate['recipe']:<14} {staleness.short(candidate['version'])}  (fitted_pipeline)")
    if champion:
        terminal.say(f"  champion   {champion['recipe']:<14} {staleness.short(champion['version'])}")
    terminal.say(
        f"  judged on {verdict['patients']} patients, {verdict['repeats']} times {verdict['folds']} folds; candidate -"
        " champion,"
    )
    terminal.say("  95 % intervals with the correction of Nadeau and Bengio")
    terminal.say(f"\n  {'criterion':<14} {'value':>8}   {'95 % interval':<20} {'':<4} needed")
    for one in verdict["criteria"]:
        value = "" if one["value"] is None else f"{one['value']:+.4f}"
        interval = "" if one["low"] is None else f"[{one['low']:+.4f}, {one['high']:+.4f}]"
        holds = terminal.style("yes", fg="green") if one["holds"] else terminal.style("no ", fg="red")
        terminal.say(f"  {one['name']:<14} {value:>8}   {interval:<20} {holds}  {one['demand']}")
        if one["found"] and not one["holds"]:
            terminal.say(f"  {'':<14} {one['found']}")
    name = terminal.style(verdict["name"], fg=_COLOURS.get(verdict["name"]), bold=True)
    terminal.say(f"\n  verdict: {name}; {verdict['reason']}")


def show_standing(entry: Entry, promotion: Entry | None) -> None:
    """Show since when and by whose decision a champion is what it is; a force for as long as it holds."""
    terminal.say(f"  since {entry.at[:19].replace('T', ' ')} UTC, {entry.action} by {entry.actor}: {entry.reason}")
    if promotion is not None and promotion.forced:
        forced = terminal.style("FORCED", fg="red", bold=True)
        terminal.say(f"  {forced} by {promotion.actor}, against the verdict {promotion.verdict}: {promotion.reason}")


def history_line(entry: Entry) -> str:
    """Return one entry of the history as a line."""
    change = staleness.short(entry.after or "none")
    if entry.action in MOVES:
        change = f"{staleness.short(entry.before or 'none')} -> {change}"
    said = "forced, " if entry.forced else ""
    verdict = f"{entry.verdict}: " if entry.verdict else ""
    return (
        f"  {entry.number:>4}  {entry.at[:19].replace('T', ' ')}  {entry.actor:<12} {entry.action:<14} {change:<28}"
        f" {entry.recipe or '-':<14} {said}{verdict}{entry.reason}"
    )
