"""The `wdbc` command line: one module per command.

Commands parse options, call the layers below and print; they compute nothing themselves. All output goes through
`terminal`.

Exit codes: 0 success, 1 error, 2 wrong usage, 3 compared and the champion stays, or `simulate` was not passed, 129
SIGHUP, 130 SIGINT, 141 the reader of the output has closed the pipe (`| head`), 143 SIGTERM.
"""

import contextlib
import gc
import os
import signal
import sys

import click

from wdbc_assets import logs, machine, signals
from wdbc_assets.cli import streams, terminal
from wdbc_assets.cli.alerts import alerts
from wdbc_assets.cli.champion import champion
from wdbc_assets.cli.cleanup import gc_command
from wdbc_assets.cli.evaluate import evaluate
from wdbc_assets.cli.explore import explore
from wdbc_assets.cli.export import export
from wdbc_assets.cli.exporter import exporter
from wdbc_assets.cli.history import history_command
from wdbc_assets.cli.inbox import inbox
from wdbc_assets.cli.key import key
from wdbc_assets.cli.live import live
from wdbc_assets.cli.monitor import monitor
from wdbc_assets.cli.outcomes import outcomes
from wdbc_assets.cli.predict import predict
from wdbc_assets.cli.promote import promote
from wdbc_assets.cli.recalibrate import recalibrate
from wdbc_assets.cli.refer_all import refer_all
from wdbc_assets.cli.report import report
from wdbc_assets.cli.retrain import retrain
from wdbc_assets.cli.rollback import rollback
from wdbc_assets.cli.run import run
from wdbc_assets.cli.serve import serve
from wdbc_assets.cli.shadow import shadow
from wdbc_assets.cli.simulate import simulate
from wdbc_assets.cli.status import status
from wdbc_assets.cli.store import store
from wdbc_assets.cli.ui import ui
from wdbc_assets.cli.verify import verify
from wdbc_assets.domain.errors import WdbcError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="wdbc_assets", prog_name="wdbc")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def wdbc(context: click.Context, *, debug: bool) -> None:
    """Train, evaluate, promote and serve a diagnostic model for breast tumours.

    A bad artifact never replaces a good one: data that break their contract are rejected, and the current version stays
    current.
    """
    context.obj = debug


_COMMANDS: tuple[click.Command, ...] = (
    run, explore, evaluate, report, predict, serve, key, status, alerts, verify, export, exporter, ui,
    inbox, monitor, outcomes, live, retrain,
    champion, promote, recalibrate, rollback, refer_all, shadow, history_command, gc_command, store,
    simulate,
)  # fmt: skip
for command in _COMMANDS:
    wdbc.add_command(command)


def main() -> None:
    """Run the command and exit with the code for how it ended."""
    # Objects created by imports live as long as the process. Scanning them in every garbage collection, and again at
    # exit, takes a fifth of a short run.
    gc.set_threshold(100_000, 50, 100)
    streams.secure()
    stops = Stops()
    debug = "--debug" in sys.argv[1:2]
    try:
        code = wdbc.main(standalone_mode=False) or 0
    except (KeyboardInterrupt, click.Abort):
        code = 130
    except click.ClickException as error:
        terminal.show_usage_error(error)
        code = error.exit_code
    except Exception as error:  # noqa: BLE001 -- every error ends as a block of text and an exit code
        code = 1
        if not stops.received():
            if debug:
                terminal.show_traceback(error)
            else:
                terminal.show_error(machine.refusal(error) or _internal_error(error))
    if stopped := stops.received():
        code = 128 + stopped
        terminal.show_stopped()
    if incomplete := logs.incomplete():
        terminal.say(f"  {incomplete}", err=True)
    streams.flush()
    if not code and (cause := streams.lost()):
        code = terminal.report_lost_output(cause)
    signals.end()
    gc.freeze()
    sys.exit(code)


class Stops:
    """Record which signal asked the command to stop. Dagster installs its own handlers during a run."""

    def __init__(self) -> None:
        self._read, write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write)
        signals.interrupt()
        self._last = 0

    def received(self) -> int:
        """Return the number of the last signal that asked to stop, or 0."""
        with contextlib.suppress(BlockingIOError):
            numbers = [number for number in os.read(self._read, 1024) if number in signals.ENDING]
            self._last = numbers[-1] if numbers else self._last
        return self._last


def _internal_error(error: Exception) -> WdbcError:
    return WdbcError(
        f"unexpected {type(error).__name__}: this is a bug in wdbc, not a problem with your input",
        hint="Run `wdbc --debug ...` and report the traceback.",
    )
