"""`wdbc report`: write the report page."""

import webbrowser
from pathlib import Path

import click

from wdbc_assets.cli import terminal
from wdbc_assets.cli.opening import opened
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.orchestration import launch
from wdbc_assets.pipeline import specs
from wdbc_assets.store.backends import atomic
from wdbc_assets.store.manifest import DamagedStore
from wdbc_assets.store.store import Store

_NAME = "report.html"


@click.command()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help=f"File to write. [default: {_NAME} in the store]")  # fmt: skip
@click.option("--open", "show", is_flag=True, help="Open the report in a browser.")
@click.pass_obj
def report(debug: bool, /, *, output: Path | None, show: bool) -> None:  # noqa: FBT001 -- click passes it so
    """Write a self-contained HTML report: no scripts, no external files, and printable.

    First materializes what is possible from the current versions: exploration, decision policy, stability, importance
    and model card. The stability takes a minute or more; after an interruption it goes on where it was.
    """
    config, store = opened()
    try:
        launch.job(
            "evidence", store, config, {}, reporter=terminal.Lines(), force=False, debug=debug, assets=_possible(store)
        )
    except WdbcError as error:
        # The page shows the gap; the rest of it is still useful.
        terminal.show_error(error)

    from wdbc_assets.presentation.report import build

    page = build(store, config)
    target = (output or (Path(store.url) if "://" not in store.url else Path.cwd()) / _NAME).absolute()
    _write(target, page)
    terminal.say(f"\n  {target}  {len(page) / 1024:,.0f} KiB")
    if show and not webbrowser.open(target.as_uri()):
        terminal.say("  no browser could be started; open the file yourself", err=True)


def _possible(store: Store) -> list[str]:
    """Return the evidence assets whose inputs are available."""
    available = {asset for asset in specs.MODEL if _is_available(store, asset)}
    possible = []
    for asset in specs.JOBS["evidence"]:
        if available.issuperset(specs.ASSETS[asset].inputs):
            possible.append(asset)
            available.add(asset)
    return possible


def _is_available(store: Store, asset: str) -> bool:
    try:
        manifest = store.current(asset)
    except DamagedStore:
        return False
    return manifest is not None and store.damage(manifest) is None


def _write(target: Path, content: bytes) -> None:
    """Replace the file atomically."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        atomic.replace(target, [content], mode=0o666)
    except OSError as error:
        raise WdbcError(
            f"the report cannot be written: {error.strerror}",
            where=str(target),
            hint="Choose another file: `wdbc report --output FILE`.",
        ) from None
