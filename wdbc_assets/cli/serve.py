"""`wdbc serve`: the prediction service."""

import contextlib
import os
import sys

import click

from wdbc_assets import settings
from wdbc_assets.cli import ports, terminal
from wdbc_assets.serving import access, api_keys
from wdbc_assets.serving.access import Access
from wdbc_assets.sources import deadline
from wdbc_assets.store.backends import CannotRead
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.store import open_store

_STORE_SECONDS = 5.0  # the service reports a store that takes longer


@click.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [default: 8000]")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes; one that dies is replaced.  [default: 1]")
@click.option("--insecure-no-key", is_flag=True, default=None,
              help="Ask for no key, though there may be some: answer everyone who reaches the address.")  # fmt: skip
def serve(*, host: str | None, port: int | None, workers: int | None, insecure_no_key: bool | None) -> None:
    """Serve the champion over HTTP until TERM or Ctrl-C; a new champion is taken over while it runs.

    /docs shows what can be asked, and lets you try it. Each option is a setting, too: see .env.example.
    """
    options = {
        "serve_host": host,
        "serve_port": port,
        "serve_workers": workers,
        "serve_insecure_no_key": insecure_no_key,
    }
    chosen = settings.load(**options)
    _require_supported_store(chosen.storage)
    path = api_keys.place(chosen.serve_keys, relative_to=settings.project_root())
    answered = access.decide(chosen.serve_host, path, insecure=chosen.serve_insecure_no_key)
    hint = "Choose another port: `wdbc serve --port N`, or `make serve PORT=N`."
    listening = ports.listen(chosen.serve_host, chosen.serve_port, hint=hint)
    _announce(chosen, answered, keyed=answered is Access.KEYED and bool(api_keys.read(path)))
    given = {settings.variable(name): str(value) for name, value in options.items() if value is not None}
    settings.hand_over_access(answered)
    # This process becomes the service, so that signals reach it; its workers find the settings in the environment.
    command = [sys.executable, "-m", "wdbc_assets.serving", str(listening.detach())]
    os.execve(sys.executable, command, {**os.environ, **given})  # noqa: S606 -- no shell is wanted


def _require_supported_store(location: str) -> None:
    """Raise UnsupportedFormat for a store of another format. The service itself reports one that cannot be read."""

    def check() -> None:
        open_store(location, relative_to=settings.project_root()).require_known_format()

    with contextlib.suppress(deadline.DeadlinePassed, CannotRead, DamagedStore):
        deadline.within(_STORE_SECONDS, check, give_up=lambda: None)


def _announce(chosen: settings.Settings, answered: Access, *, keyed: bool) -> None:
    host = f"[{chosen.serve_host}]" if ":" in chosen.serve_host else chosen.serve_host
    terminal.say(f"  http://{host}:{chosen.serve_port}/docs", err=True)
    if answered is Access.OPEN:
        terminal.say("  INSECURE: no key is asked for; everybody who reaches this address is answered", err=True)
    elif answered is Access.LOCAL:
        terminal.say("  there is no key: programs of this machine alone are answered, all of them", err=True)
    elif not keyed:
        terminal.say("  there is no valid key: every request is rejected until `wdbc key create NAME`", err=True)
