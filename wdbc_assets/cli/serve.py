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

_STORE_SECONDS = 5.0  # the service reports a store that takes longer


@click.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [default: 8000]")
@click.option(
    "--workers", type=click.IntRange(1, 64), help="Worker processes; one that dies is replaced.  [default: 1]"
)
@click.option("--insecure-no-key", is_flag=True, default=None,
              help="Require no API key: serve every client that reaches the address, even if keys exist.")  # fmt: skip
def serve(*, host: str | None, port: int | None, workers: int | None, insecure_no_key: bool | None) -> None:
    """Serve the champion over HTTP until SIGTERM or Ctrl-C.

    The running service hot-reloads a newly promoted champion. Interactive API documentation is at /docs. Each option
    is also a setting; see .env.example.
    """
    overrides = {
        "serve_host": host,
        "serve_port": port,
        "serve_workers": workers,
        "serve_insecure_no_key": insecure_no_key,
    }
    options = settings.load(**overrides)
    _require_supported_store(options)
    path = api_keys.locate(options.serve_keys, relative_to=settings.project_root())
    mode = access.decide(options.serve_host, path, insecure=options.serve_insecure_no_key)
    hint = "Choose another port: `wdbc serve --port N`, or `make serve PORT=N`."
    listening = ports.listen(options.serve_host, options.serve_port, hint=hint)
    _announce(options, mode, has_keys=mode is Access.KEYED and bool(api_keys.read(path)))
    variables = {settings.variable(name): str(value) for name, value in overrides.items() if value is not None}
    settings.hand_over_access(mode)
    # Replace this process, so that signals reach the service. Its workers read the settings from the environment.
    command = [sys.executable, "-m", "wdbc_assets.serving", str(listening.detach())]
    os.execve(sys.executable, command, {**os.environ, **variables})  # noqa: S606 -- no shell is wanted


def _require_supported_store(options: settings.Settings) -> None:
    """Raise UnsupportedFormat for a store of another format. The service itself reports one that cannot be read."""

    def check() -> None:
        options.open_store().require_known_format()

    with contextlib.suppress(deadline.DeadlinePassed, CannotRead, DamagedStore):
        deadline.within(_STORE_SECONDS, check, give_up=lambda: None)


def _announce(options: settings.Settings, mode: Access, *, has_keys: bool) -> None:
    host = f"[{options.serve_host}]" if ":" in options.serve_host else options.serve_host
    terminal.say(f"  http://{host}:{options.serve_port}/docs", err=True)
    if mode is Access.OPEN:
        terminal.say("  INSECURE: no API key is required; every client that reaches this address is served", err=True)
    elif mode is Access.LOCAL:
        terminal.say("  no API key exists: all local clients are served without one", err=True)
    elif not has_keys:
        terminal.say("  no valid API key exists: every request is rejected until `wdbc key create NAME`", err=True)
