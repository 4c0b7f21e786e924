"""`wdbc report`: all evidence on one page."""

import contextlib
import os
import secrets
import webbrowser
from pathlib import Path

import click

from wdbc_assets import logs, settings
from wdbc_assets.cli import terminal
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.orchestration import launch
from wdbc_assets.pipeline import specs
from wdbc_assets.store.manifest import DamagedStore
from wdbc_assets.store.store import Store, open_store

_NAME = "report.html"


@click.command()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help=f"Where to write it. [default: {_NAME} inside the store]")  # fmt: skip
@click.option("--open", "show", is_flag=True, help="Open it in a browser.")
@click.pass_obj
def report(debug: bool, /, *, output: Path | None, show: bool) -> None:  # noqa: FBT001 -- click passes it so
    """Write one HTML page with all evidence: it loads nothing, runs nothing, and can be printed.

    What is quick to make of what is there is made first: exploration, decision policy, importance, model card.
    """
    chosen = settings.load()
    root = settings.project_root()
    logs.open_log(chosen.log, relative_to=root)
    store = open_store(chosen.storage, relative_to=root)
    try:
        launch.job(
            "evidence", store, chosen, {}, reporter=terminal.Lines(), force=False, debug=debug, assets=_possible(store)
        )
    except WdbcError as error:
        # The page says so in its place; the rest of it is worth having.
        terminal.show_error(error)

    from wdbc_assets.presentation.report import build

    page = build(store, chosen)
    target = (output or (Path(store.url) if "://" not in store.url else Path.cwd()) / _NAME).absolute()
    _write(target, page)
    terminal.say(f"\n  {target}  {len(page) / 1024:,.0f} KiB")
    if show and not webbrowser.open(target.as_uri()):
        terminal.say("  no browser could be started; open the file yourself", err=True)


def _possible(store: Store) -> list[str]:
    """List what can be made of what is current."""
    there = {asset for asset in specs.ASSETS if _is_there(store, asset)}
    possible = []
    for asset in specs.JOBS["evidence"]:
        if there.issuperset(specs.ASSETS[asset].inputs):
            possible.append(asset)
            there.add(asset)
    return possible


def _is_there(store: Store, asset: str) -> bool:
    try:
        manifest = store.current(asset)
    except DamagedStore:
        return False
    return manifest is not None and store.damage(manifest) is None


def _write(target: Path, content: bytes) -> None:
    """Put the whole page in the place of an earlier one, or change nothing."""
    temporary = target.with_name(f".{target.name}-{secrets.token_hex(8)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:  # never through a link that somebody put there
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        raise WdbcError(
            f"the report cannot be written: {error.strerror}",
            where=str(target),
            hint="Choose another place: `wdbc report --output FILE`.",
        ) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
