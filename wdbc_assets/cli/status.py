"""`wdbc status`: the current version of each asset, and why it is out of date."""

from dataclasses import asdict
from typing import Any

import click

from wdbc_assets import settings
from wdbc_assets.cli import decisions, refer_all, terminal
from wdbc_assets.domain import formatting
from wdbc_assets.pipeline import staleness
from wdbc_assets.registry import policies, referral, retraining
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.store import Store


@click.command()
@click.option("--check", is_flag=True, help="Print only problems, one per line, or ok. For monitoring.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(*, check: bool, as_json: bool) -> None:
    """Show the current versions, why assets are out of date, and damaged rollback targets.

    --check reports refused assets, jobs whose last run failed, damage in the store or the promotion history, and a
    source that cannot be read or is no longer checked.

    Exit codes of --check: 0 no problem, 1 at least one problem. Without --check: 0.
    """
    config = settings.load()
    store = config.open_store()
    store.require_known_format()
    if check:
        click.get_current_context().exit(_check(store, config, as_json=as_json))
    states = staleness.assess(store, config)
    registry = open_registry(store)
    standing = registry.standing()
    referred = referral.current(standing.history)
    problems = registry.problems(standing, most=decisions.WAYS_BACK)
    retrained = next(reversed(retraining.entries(standing.history.entries)), None)
    if as_json:
        assets = [_plain(store, state) for state in states]
        production = {
            "problems": problems,
            "policy": standing.policy and asdict(standing.policy),
            "refers_everyone": referred and asdict(referred),
        }
        last = retrained and {"at": retrained.at, "reason": retrained.reason, "verdict": retrained.verdict}
        terminal.document({"store": store.url, "assets": assets, "production": production, "retraining": last})
        return
    terminal.say(f"store {store.url}")
    terminal.say()
    width = max(len(state.asset) for state in states)
    terminal.say(f"  {'asset':<{width}} {'version':<13} {'made (UTC)':<20} {'size':>10}  state")
    for state in states:
        _show(store, state, width)
    refer_all.show(referred)
    if standing.recalibrated:
        terminal.say(f"  production: {policies.describe(standing.recalibrated)}")
    for problem in problems:
        terminal.say(terminal.style(f"  production: {problem}", fg="red"))
    if retrained is not None:
        terminal.say(f"  {retraining.describe(retrained)}")
    if config.alerts:
        from wdbc_assets.cli.alerts import show_status

        show_status()


def _check(store: Store, config: settings.Settings, *, as_json: bool) -> int:
    from wdbc_assets.monitoring.alerts import detectors
    from wdbc_assets.orchestration.instance import open_instance

    findings = list(detectors.for_status_check(detectors.Watched(store, config), open_instance))
    if as_json:
        plain = [{"kind": finding.kind, "subject": finding.subject, "text": finding.text} for finding in findings]
        terminal.document({"store": store.url, "ok": not findings, "findings": plain})
    else:
        for line in findings or ("ok",):
            terminal.say(str(line))
    return int(bool(findings))


def _show(store: Store, state: staleness.AssetStatus, width: int) -> None:
    manifest = state.manifest
    version, made, bytes_ = ("-", "-", "-")
    if manifest:
        version, made, bytes_ = formatting.short(manifest.version), manifest.made_at[:19], format_size(manifest.size)
    first, *rest = state.reasons or ("up to date",)
    if manifest and state.partitions:
        rest.append(f"latest of {formatting.counted(state.partitions, 'batch', 'batches')}: {manifest.partition}")
    if state.removed:
        rest.append(f"removed because of their age: {formatting.counted(state.removed, 'batch', 'batches')}")
    colour = "green" if state.up_to_date else "yellow"
    terminal.say(f"  {state.asset:<{width}} {version:<13} {made:<20} {bytes_:>10}  {terminal.style(first, fg=colour)}")
    for reason in rest:
        terminal.say(f"  {'':<{width}} {'':<13} {'':<20} {'':>10}  {terminal.style(reason, fg=colour)}")
    if refusal := store.refusal(state.asset):
        terminal.say(terminal.style(f"    last attempt refused at {refusal.at[:19]}:", fg="red"))
        for reason in refusal.reasons:
            terminal.say(terminal.style(f"      {reason}", fg="red"))


def _plain(store: Store, state: staleness.AssetStatus) -> dict[str, Any]:
    manifest, refusal = state.manifest, store.refusal(state.asset)
    return {
        "asset": state.asset,
        "version": manifest and manifest.version,
        "made_at": manifest and manifest.made_at,
        "run_id": manifest and manifest.run_id,
        "bytes": manifest and manifest.size,
        "rows": manifest and manifest.rows,
        "partition": manifest and manifest.partition,
        "partitions": state.partitions,
        "removed_partitions": state.removed,
        "up_to_date": state.up_to_date,
        "reasons": list(state.reasons),
        "refused": refusal and asdict(refusal),
    }


def format_size(count: int) -> str:
    """Return a number of bytes in the largest fitting unit."""
    value = float(count)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"
