"""`wdbc ui`: Dagster's UI and daemon, on this project and its history."""

import fcntl
import os
import sys
from pathlib import Path

import click

from wdbc_assets import settings
from wdbc_assets.cli import instance, ports, terminal
from wdbc_assets.domain.errors import WdbcError


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
def ui(*, host: str, port: int) -> None:
    """Start Dagster's UI with its daemon; schedules and sensors work there. Ctrl-C ends it."""
    home = settings.ensure_home()
    ports.refuse_taken(host, port, mend="Choose another port: `wdbc ui --port N`, or `make ui PORT=N`.")
    _refuse_second_daemon(home)
    with instance.opened():  # Dagster's own processes would make the history without waiting for each other
        pass
    terminal.say(f"  http://{host}:{port}")
    os.chdir(settings.project_root())
    # The warning says to use `dg`, which the project does not install.
    quiet = ["-W", "ignore:Function `dev_command` is superseded"]
    command = [sys.executable, *quiet, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", host, "-p", str(port)]
    # This process becomes Dagster's, so that signals reach it.
    os.execv(sys.executable, command)  # noqa: S606 -- no shell is wanted


def _refuse_second_daemon(home: Path) -> None:
    """Hold a lock on the home for as long as Dagster runs: two daemons would each start a run for the same tick."""
    lock = os.open(home / "daemon.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise WdbcError(
            "another `wdbc ui` works on this history",
            where=str(home),
            mend="Use that one, or end it; or set DAGSTER_HOME to another folder.",
        ) from None
    os.set_inheritable(lock, True)  # noqa: FBT003 -- named so by os; Dagster's main process keeps it, its children do not
