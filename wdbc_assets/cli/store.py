"""`wdbc store`: copy the store to another location."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click

from wdbc_assets.cli import terminal
from wdbc_assets.cli.status import format_size
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import backends, copying, paths


@click.group()
def store() -> None:
    """Manage the artifact store as a whole."""


@store.command("copy")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--verify", is_flag=True, help="Read every file again from TO afterwards.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def copy_command(*, source: str, target: str, verify: bool, as_json: bool) -> None:
    """Copy the store FROM to TO: a folder, or a URL s3://, gs:// or az://.

    Every file is verified by its digest. Nothing is promoted, FROM is not changed, and nothing in TO is overwritten. A
    copy that was interrupted continues when it is started again.
    """
    live = terminal.Live()
    shown = 0.0

    def report(done: int, total: int, size: int) -> None:
        nonlocal shown
        if time.monotonic() - shown > 1:
            shown = time.monotonic()
            live.show(f"  {done} of {total} files, copied {format_size(size)}")

    places = _opened(source, "FROM"), _opened(target, "TO")
    try:
        result = copying.copy(*places, verify=verify, report=report, find_problems=_audit_problems)
    finally:
        live.erase()
    if as_json:
        terminal.document({"from": places[0].url, "to": places[1].url, **asdict(result)})
        return
    verb = "read again and verified" if verify else "verified while they were read"
    terminal.say(
        f"  copied {result.files} files, {format_size(result.bytes)}; {result.present} were there already;"
        f" all were {verb}"
    )
    terminal.say(f"  next: set WDBC_STORAGE={places[1].url}, then `wdbc status`")


def _opened(location: str, argument: str) -> backends.Backend:
    try:
        return backends.open_backend(location, relative_to=Path.cwd())
    except WdbcError as error:
        raise WdbcError(error.what, where=argument, hint=error.hint) from None


def _audit_problems(pointers: Mapping[str, bytes]) -> list[str]:
    from wdbc_assets.registry import audit_log

    log, head = (audit_log.Content(pointers.get(path)) for path in (paths.HISTORY, paths.HISTORY_HEAD))
    return [f"audit log: {problem}" for problem in audit_log.read(log, head).problems]
