"""`wdbc ui`: Dagster's UI and daemon for this project."""

import fcntl
import http.client
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click

from wdbc_assets import settings, signals
from wdbc_assets.cli import ports, terminal
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.orchestration import instance

_LOOK_SECONDS = 0.25
_REPORT_SECONDS = 10
_ANSWER_SECONDS = 2
_SENT_BY_THE_KERNEL = 128
"""The `si_code` of a signal from the terminal. It reaches the whole foreground process group, Dagster included."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
def ui(*, host: str, port: int) -> None:
    """Start Dagster's UI and the daemon that runs schedules and sensors. Stop it with Ctrl-C.

    The address is printed once the UI responds.
    """
    home = settings.ensure_home()
    ports.refuse_taken(host, port, hint="Choose another port: `wdbc ui --port N`, or `make ui PORT=N`.")
    lock = _refuse_second_daemon(home)
    terminal.say("  starting Dagster; the address is printed once the UI responds")
    with instance.open_instance():  # Dagster's own processes would create the databases concurrently
        pass
    # The warning recommends `dg`, which the project does not install.
    quiet = ["-W", "ignore:Function `dev_command` is superseded"]
    arguments = ["dev", "-w", str(settings.WORKSPACE_FILE), "-h", host, "-p", str(port)]
    # `_supervise` receives them one by one. An ignored hang-up stays ignored, because `nohup` asks for that.
    stops = [number for number in signals.ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    dagster = subprocess.Popen(  # noqa: S603 -- the project's own command
        [sys.executable, *quiet, "-m", "dagster", *arguments],
        cwd=settings.project_root(),
        pass_fds=[lock],
        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, stops),  # noqa: PLW1509 -- no thread
    )
    _supervise(dagster, stops, host, port)


def _supervise(dagster: "subprocess.Popen[bytes]", stops: list[signal.Signals], host: str, port: int) -> None:
    """Print the address once the UI responds, and forward stop signals, until Dagster ends.

    Raises:
        WdbcError: Dagster ended without being asked to stop.
    """
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    started = time.monotonic()
    reported, answered, stopped = started, False, False
    while dagster.poll() is None:
        sent = signal.sigtimedwait(stops, _LOOK_SECONDS)
        if sent is not None:
            stopped = True
            if sent.si_code != _SENT_BY_THE_KERNEL:
                dagster.terminate()
        if answered or stopped:
            continue
        if _answers(host, port):
            answered = True
            terminal.say(f"\n  {url}")
        elif time.monotonic() - reported >= _REPORT_SECONDS:
            reported = time.monotonic()
            terminal.say(f"  still starting after {reported - started:.0f} s")
    if not stopped:
        raise WdbcError(
            f"Dagster ended unexpectedly, {'after' if answered else 'before'} its UI responded, with exit code"
            f" {dagster.returncode}",
            where=url,
            hint="See its output above for the reason. `wdbc run` and `wdbc status` work without the UI.",
        )


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=_ANSWER_SECONDS)  # does not use a proxy
    try:
        connection.request("GET", "/server_info")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _refuse_second_daemon(home: Path) -> int:
    """Lock DAGSTER_HOME while Dagster runs, because two daemons would each start a run for the same tick."""
    lock = os.open(home / "daemon.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise WdbcError(
            "another `wdbc ui` is running on this DAGSTER_HOME",
            where=str(home),
            hint="Use that one or stop it, or set DAGSTER_HOME to another folder.",
        ) from None
    return lock
