"""`wdbc status`: each asset's current version, and why it would run."""

from typing import Any

import click

from wdbc_assets import settings
from wdbc_assets.cli import attention, decisions, terminal
from wdbc_assets.pipeline import staleness
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.store import Store, open_store


@click.command()
@click.option("--check", is_flag=True, help="Say only what needs a person, one line each, or ok; for a monitor.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def status(*, check: bool, as_json: bool) -> None:
    """Show what is current, why anything would run, and what is damaged of what a rollback leads to.

    With --check: an asset that was refused, a job whose last run failed, damage in the store or the history of
    promotions, a source that cannot be read or is not looked at any more.

    Exit codes of --check: 0 nobody is needed, 1 somebody is. Without it 0.
    """
    chosen = settings.load()
    store = open_store(chosen.storage, relative_to=settings.project_root())
    store.require_known_format()
    if check:
        click.get_current_context().exit(_check(store, chosen, as_json=as_json))
    states = staleness.assess(store, chosen)
    registry = open_registry(store)
    problems = registry.problems(registry.standing(), most=decisions.WAYS_BACK)
    if as_json:
        assets = [_plain(store, state) for state in states]
        terminal.document({"store": store.url, "assets": assets, "production": {"problems": problems}})
        return
    terminal.say(f"store {store.url}")
    terminal.say()
    terminal.say(f"  {'asset':<17} {'version':<13} {'made (UTC)':<20} {'size':>10}  state")
    for state in states:
        _show(store, state)
    for problem in problems:
        terminal.say(terminal.style(f"  production: {problem}", fg="red"))


def _check(store: Store, chosen: settings.Settings, *, as_json: bool) -> int:
    found = list(attention.findings(store, chosen))
    if as_json:
        terminal.document({"store": store.url, "ok": not found, "findings": [vars(finding) for finding in found]})
    else:
        for line in found or ("ok",):
            terminal.say(str(line))
    return int(bool(found))


def _show(store: Store, state: staleness.AssetStatus) -> None:
    manifest = state.manifest
    version, made, bytes_ = ("-", "-", "-")
    if manifest:
        version, made, bytes_ = staleness.short(manifest.version), manifest.made_at[:19], format_size(manifest.size)
    first, *rest = state.reasons or ("up to date",)
    colour = "green" if state.up_to_date else "yellow"
    terminal.say(f"  {state.asset:<17} {version:<13} {made:<20} {bytes_:>10}  {terminal.style(first, fg=colour)}")
    for reason in rest:
        terminal.say(f"  {'':<17} {'':<13} {'':<20} {'':>10}  {terminal.style(reason, fg=colour)}")
    if refusal := store.refusal(state.asset):
        terminal.say(terminal.style(f"    last attempt refused at {refusal['at'][:19]}:", fg="red"))
        for reason in refusal["reasons"]:
            terminal.say(terminal.style(f"      {reason}", fg="red"))


def _plain(store: Store, state: staleness.AssetStatus) -> dict[str, Any]:
    manifest = state.manifest
    return {
        "asset": state.asset,
        "version": manifest and manifest.version,
        "made_at": manifest and manifest.made_at,
        "run_id": manifest and manifest.run_id,
        "bytes": manifest and manifest.size,
        "rows": manifest and manifest.rows,
        "up_to_date": state.up_to_date,
        "reasons": list(state.reasons),
        "refused": store.refusal(state.asset),
    }


def format_size(count: int) -> str:
    """Say a number of bytes as people do."""
    left = float(count)
    for unit in ("B", "KiB", "MiB"):
        if left < 1024:
            return f"{left:.0f} {unit}" if unit == "B" else f"{left:.1f} {unit}"
        left /= 1024
    return f"{left:.1f} GiB"
