"""`wdbc verify`: every current version derived again, and what diverged first if any did."""

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from wdbc_assets import logs, settings
from wdbc_assets.cli import terminal
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import specs, staleness
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.store import Store, open_store

if TYPE_CHECKING:
    from wdbc_assets.verification import Figure, Finding

_COLOURS = {"same": "green", "diverged": "red", "not derived": "yellow"}
_LINES = 10
_FEWEST = 3
_HEADLINES = ("value", "mean", "score")  # the figure itself, before the ends of its interval


@click.command()
@click.argument("assets", nargs=-1, metavar="[ASSET]...", type=click.Choice(list(specs.ASSETS)))
@click.option("--deep", is_flag=True, help="Ask remote sources too, and judge every fold again.")
@click.option("--json", "as_json", is_flag=True, help="For machines: every figure that moved.")
def verify(assets: tuple[str, ...], *, deep: bool, as_json: bool) -> None:
    """Derive every current version again from what it was made of, and compare.

    Named assets are verified with all that they are made of. The parameters are those of each version's manifest, under
    what is set in the environment or .env. Nothing is written.

    The history, its evidence, and every bundle that a rollback leads to are verified, too: their digests have to fit.

    Exit codes: 0 the same, 1 something diverged, could not be derived, or is damaged.
    """
    chosen = settings.load()
    store = open_store(chosen.storage, relative_to=settings.project_root())
    wanted = _wanted(store, assets)
    if not as_json:
        terminal.say(f"store {store.url}")
        terminal.say()
    findings = []
    for finding in _verified(store, chosen, wanted, deep=deep):
        findings.append(finding)
        if not as_json:
            _show(finding)
    from wdbc_assets import verification

    registry = open_registry(store)
    problems = [*registry.problems(registry.standing()), *registry.lost_evidence()]
    if as_json:
        production = {"production": {"problems": problems}}
        terminal.document({"store": store.url, "deep": deep, **verification.plain(findings), **production})
    elif first := verification.first_diverged(findings):
        _explain(first, findings[findings.index(first) + 1 :])
    for problem in problems:
        terminal.say(terminal.style(f"  production: {problem}", fg="red"), err=as_json)
    click.get_current_context().exit(int(bool(problems) or any(finding.verdict != "same" for finding in findings)))


def _wanted(store: Store, assets: Sequence[str]) -> list[str]:
    """Return the named assets with all that they are made of, or all that were ever made; inputs first."""
    wanted, waiting = set[str](), list(assets)
    while waiting:
        asset = waiting.pop()
        wanted.add(asset)
        waiting.extend(specs.ASSETS[asset].inputs)
    made = {asset for asset in specs.ASSETS if asset in wanted or (not assets and store.current(asset))}
    if not made:
        raise WdbcError("nothing has been made yet", where=store.url, hint="Run `wdbc run` first.")
    return [asset for asset in specs.ASSETS if asset in made]


def _verified(store: Store, chosen: settings.Settings, wanted: Sequence[str], *, deep: bool) -> "Iterator[Finding]":
    import skops.io  # noqa: F401, I001 -- before all else: it looks into every module that is loaded
    from wdbc_assets import verification

    lines = terminal.Lines()
    lines.addFilter(lambda record: getattr(record, "event", "") == "progress" or record.levelno >= logging.WARNING)
    logs.logger.addHandler(lines)
    logs.logger.setLevel(logging.INFO)
    try:
        yield from verification.verify(store, chosen, wanted, deep=deep)
    finally:
        logs.logger.removeHandler(lines)


def _show(finding: "Finding") -> None:
    verdict = terminal.style(f"{finding.verdict:<12}", fg=_COLOURS[finding.verdict])
    version = staleness.short(finding.manifest.version) if finding.manifest else ""
    terminal.say(f"  {finding.asset:<17} {verdict} {version:<13} {finding.compared}".rstrip())
    for line in (finding.reason, *map(str, finding.causes)):
        if line:
            terminal.say(f"  {'':<17} {'':<12} {terminal.style(line, fg=_COLOURS[finding.verdict])}")
    for note in finding.notes:
        terminal.say(f"  {'':<17} {'':<12} {terminal.style(note, dim=True)}")


def _explain(first: "Finding", later: "Sequence[Finding]") -> None:
    terminal.say("\n" + terminal.style(f"  first diverged: {first.asset}", bold=True))
    for difference in first.differences:
        terminal.say(f"    {difference.file}: {difference.what}")
    if first.rounding:
        terminal.say(
            f"    differs by at most {first.largest:.0e} of a figure: rounding"
            if first.largest
            else "    no figure moved"
        )
    diverged = [one for one in (first, *later) if any(difference.figures for difference in one.differences)]
    for finding in diverged:
        _moved(finding, max(_FEWEST, _LINES // len(diverged)))
    for hint in dict.fromkeys(cause.hint for cause in first.causes):
        terminal.say(f"    do: {hint}")


def _moved(finding: "Finding", most: int) -> None:
    """Show the figures of an asset that moved, the foremost of them."""
    figures = sorted((figure for one in finding.differences for figure in one.figures), key=_prominence)
    for figure in figures[:most]:
        moved = "" if figure.difference is None else f"  ({figure.difference:+.2g})"
        terminal.say(f"    {finding.asset} {figure.path}  {_short(figure.stored)} -> {_short(figure.derived)}{moved}")
    if len(figures) > most:
        terminal.say(f"    {finding.asset}: {len(figures) - most} more figures moved; `--json` has all")


def _prominence(figure: "Figure") -> tuple[bool, int]:
    last = figure.path.rpartition(".")[2]
    return last not in _HEADLINES, figure.path.count(".") + figure.path.count("[")


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
