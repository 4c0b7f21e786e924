"""`wdbc verify`: re-derive the current versions and report the first one that diverged."""

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from wdbc_assets import logs, settings
from wdbc_assets.cli import terminal
from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import specs, staleness
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    from wdbc_assets.verification import AssetVerification, ChangedValue

_COLOURS = {"same": "green", "diverged": "red", "not derived": "yellow"}
_LINES = 10
_FEWEST = 3
_POINT_ESTIMATES = ("value", "mean", "score")  # shown before the bounds of their intervals


@click.command()
@click.argument("assets", nargs=-1, metavar="[ASSET]...", type=click.Choice(list(specs.ASSETS)))
@click.option("--deep", is_flag=True, help="Fetch remote sources too, and derive every fold and batch again.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON with every value that changed.")
def verify(assets: tuple[str, ...], *, deep: bool, as_json: bool) -> None:
    """Re-derive every current version from its inputs and compare it with the stored one.

    Named assets are verified together with all their inputs. Parameters come from each version's manifest; settings in
    the environment or .env override them. Nothing is written.

    Of assets with a version for each batch, those of the latest five batches are verified, with --deep all of them.
    Batches and outcomes were delivered, so they are compared with the files in the inbox, or by their digests.

    The digests of the promotion history, its evidence and every rollback target are verified as well.

    Exit codes: 0 everything is the same, 1 something diverged, could not be derived, or is damaged.
    """
    config = settings.load()
    store = config.open_store()
    selected = _select(store, assets)
    if not as_json:
        terminal.say(f"store {store.url}")
        terminal.say()
    findings = []
    for finding in _verify(store, config, selected, deep=deep):
        findings.append(finding)
        if not as_json:
            _show(finding)
    from wdbc_assets import verification

    registry = open_registry(store)
    problems = [*registry.problems(registry.standing()), *registry.lost_evidence()]
    if as_json:
        production = {"production": {"problems": problems}}
        terminal.document({"store": store.url, "deep": deep, **verification.to_json(findings), **production})
    elif first := verification.first_diverged(findings):
        _explain(first, findings[findings.index(first) + 1 :])
    for problem in problems:
        terminal.say(terminal.style(f"  production: {problem}", fg="red"), err=as_json)
    click.get_current_context().exit(int(bool(problems) or any(finding.verdict != "same" for finding in findings)))


def _select(store: Store, assets: Sequence[str]) -> list[str]:
    """Return the named assets with all their inputs, or every asset that has a version; inputs first."""
    named, pending = set[str](), list(assets)
    while pending:
        asset = pending.pop()
        named.add(asset)
        pending.extend(specs.ASSETS[asset].inputs)
    selected = {asset for asset in specs.ASSETS if asset in named or (not assets and staleness.latest(store, asset))}
    if not selected:
        raise WdbcError("nothing has been made yet", where=store.url, hint="Run `wdbc run` first.")
    return [asset for asset in specs.ASSETS if asset in selected]


def _verify(
    store: Store, config: settings.Settings, assets: Sequence[str], *, deep: bool
) -> "Iterator[AssetVerification]":
    import skops.io  # noqa: F401, I001 -- first, because its import inspects every loaded module
    from wdbc_assets import verification

    lines = terminal.Lines()
    lines.addFilter(lambda record: getattr(record, "event", "") == "progress" or record.levelno >= logging.WARNING)
    logs.logger.addHandler(lines)
    logs.logger.setLevel(logging.INFO)
    try:
        yield from verification.verify(store, config, assets, deep=deep)
    finally:
        logs.logger.removeHandler(lines)


def _show(finding: "AssetVerification") -> None:
    verdict = terminal.style(f"{finding.verdict:<12}", fg=_COLOURS[finding.verdict])
    version = formatting.short(finding.manifest.version) if finding.manifest else ""
    terminal.say(f"  {finding.asset:<17} {verdict} {version:<13} {finding.compared}".rstrip())
    if finding.manifest and finding.manifest.partition:
        terminal.say(f"  {'':<17} {'':<12} {terminal.style(f'batch {finding.manifest.partition}', dim=True)}")
    for line in (finding.reason, *map(str, finding.causes)):
        if line:
            terminal.say(f"  {'':<17} {'':<12} {terminal.style(line, fg=_COLOURS[finding.verdict])}")
    for note in finding.notes:
        terminal.say(f"  {'':<17} {'':<12} {terminal.style(note, dim=True)}")


def _explain(first: "AssetVerification", later: "Sequence[AssetVerification]") -> None:
    batch = f" of batch {first.manifest.partition}" if first.manifest and first.manifest.partition else ""
    terminal.say("\n" + terminal.style(f"  first diverged: {first.asset}{batch}", bold=True))
    for difference in first.differences:
        terminal.say(f"    {difference.file}: {difference.what}")
    if first.rounding:
        terminal.say(
            f"    relative difference of at most {first.largest:.0e}: rounding"
            if first.largest
            else "    no value changed"
        )
    diverged = [finding for finding in (first, *later) if any(item.changed for item in finding.differences)]
    for finding in diverged:
        _show_changes(finding, max(_FEWEST, _LINES // len(diverged)))
    for hint in dict.fromkeys(cause.hint for cause in first.causes):
        terminal.say(f"    hint: {hint}")


def _show_changes(finding: "AssetVerification", most: int) -> None:
    """Print the values of an asset that changed, the most important first."""
    values = sorted((value for item in finding.differences for value in item.changed), key=_prominence)
    for value in values[:most]:
        change = "" if value.difference is None else f"  ({value.difference:+.2g})"
        terminal.say(f"    {finding.asset} {value.path}  {_short(value.stored)} -> {_short(value.derived)}{change}")
    if len(values) > most:
        terminal.say(f"    {finding.asset}: {len(values) - most} more values changed; `--json` lists all")


def _prominence(value: "ChangedValue") -> tuple[bool, int]:
    last = value.path.rpartition(".")[2]
    return last not in _POINT_ESTIMATES, value.path.count(".") + value.path.count("[")


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
