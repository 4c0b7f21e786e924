"""`wdbc serve`: the prediction service."""

import os
import sys
import tempfile

import click

from wdbc_assets import settings
from wdbc_assets.cli import ports, terminal
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.serving import addresses, keys


@click.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [default: 8000]")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes; one that dies is replaced.  [default: 1]")
@click.option("--insecure-no-key", is_flag=True, default=None,
              help="Without any key, let everybody in who reaches the address.")  # fmt: skip
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
    known = keys.read(keys.place(chosen.serve_keys, relative_to=settings.project_root()))
    here = addresses.is_loopback(chosen.serve_host)
    if not known and not here and not chosen.serve_insecure_no_key:
        raise WdbcError(
            "there is no key, so that everybody who reaches this address would be answered",
            where=chosen.serve_host,
            mend="Create one: `wdbc key create NAME --scope predict`. Or serve this machine alone: leave out --host. Or"
            " ask for it by name: --insecure-no-key.",
        )
    mend = "Choose another port: `wdbc serve --port N`, or `make serve PORT=N`."
    ports.refuse_taken(chosen.serve_host, chosen.serve_port, mend=mend)
    _announce(chosen, keyed=bool(known), here=here)
    given = {settings.variable(name): str(value) for name, value in options.items() if value is not None}
    counting = tempfile.mkdtemp(prefix="wdbc-serve-")
    # This process becomes the service, so that signals reach it; its workers find the settings in the environment.
    environment = {**os.environ, **given, "PROMETHEUS_MULTIPROC_DIR": counting}
    command = [sys.executable, "-m", "wdbc_assets.serving"]
    os.execve(sys.executable, command, environment)  # noqa: S606 -- no shell is wanted


def _announce(chosen: settings.Settings, *, keyed: bool, here: bool) -> None:
    host = f"[{chosen.serve_host}]" if ":" in chosen.serve_host else chosen.serve_host
    terminal.say(f"  http://{host}:{chosen.serve_port}/docs", err=True)
    if not keyed and here:
        terminal.say("  there is no key: programs of this machine alone are answered, all of them", err=True)
    elif not keyed:
        terminal.say("  INSECURE: there is no key; everybody who reaches this address is answered", err=True)
