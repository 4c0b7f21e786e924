"""`wdbc ui`: Dagster's UI and daemon, on this project and its history."""

import os
import socket
import sys

import click

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
def ui(*, host: str, port: int) -> None:
    """Start Dagster's UI with its daemon; schedules and sensors work there. Ctrl-C ends it."""
    settings.ensure_home()
    _refuse_taken(host, port)
    click.echo(f"  http://{host}:{port}")
    os.chdir(settings.project_root())
    # The warning says to use `dg`, which the project does not install.
    quiet = ["-W", "ignore:Function `dev_command` is superseded"]
    command = [sys.executable, *quiet, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", host, "-p", str(port)]
    # This process becomes Dagster's, so that signals reach it.
    os.execv(sys.executable, command)  # noqa: S606 -- no shell is wanted


def _refuse_taken(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise WdbcError(
                f"cannot listen: {error.strerror}",
                where=f"{host}:{port}",
                mend="Choose another port: `wdbc ui --port N`, or `make ui PORT=N`.",
            ) from None
