"""The console command `wdbc`: what people type. One module per command; `terminal` is how all of them speak.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 judged and not promoted, 129 hung up, 130 interrupted, 141 the
reader of the output has gone (`| head`), 143 terminated.
"""

import contextlib
import gc
import os
import signal
import sys

import click

from wdbc_assets import logs, machine, signals
from wdbc_assets.cli import streams, terminal
from wdbc_assets.cli.champion import champion
from wdbc_assets.cli.cleanup import gc_command
from wdbc_assets.cli.evaluate import evaluate
from wdbc_assets.cli.explore import explore
from wdbc_assets.cli.export import export
from wdbc_assets.cli.history import history_command
from wdbc_assets.cli.key import key
from wdbc_assets.cli.predict import predict
from wdbc_assets.cli.promote import promote
from wdbc_assets.cli.report import report
from wdbc_assets.cli.rollback import rollback
from wdbc_assets.cli.run import run
from wdbc_assets.cli.serve import serve
from wdbc_assets.cli.shadow import shadow
from wdbc_assets.cli.status import status
from wdbc_assets.cli.ui import ui
from wdbc_assets.cli.verify import verify
from wdbc_assets.domain.errors import WdbcError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="wdbc_assets", prog_name="wdbc")
@click.option("--debug", is_flag=True, help="Show a traceback when something fails.")
@click.pass_context
def wdbc(context: click.Context, *, debug: bool) -> None:
    """From measurements of breast tumours to a judged diagnosis model.

    Nothing bad ever replaces something good: what breaks its contract is refused, and what was current stays current.
    """
    context.obj = debug


_COMMANDS: tuple[click.Command, ...] = (
    run, explore, evaluate, report, predict, serve, key, status, verify, export, ui,
    champion, promote, rollback, shadow, history_command, gc_command,
)  # fmt: skip
for command in _COMMANDS:
    wdbc.add_command(command)


def main() -> None:
    """Run the command, and turn every way of ending into its exit code."""
    # What imports make lives as long as the process. To search it for garbage, hundreds of times and once more at the
    # end, takes a fifth of a short run.
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
    except Exception as error:  # noqa: BLE001 -- whatever it is, it ends as a block of text and an exit code
        code = 1
        if not stops.received():
            if debug:
                terminal.show_traceback(error)
            else:
                terminal.show_error(machine.refusal(error) or _fault(error))
    if stopped := stops.received():
        code = 128 + stopped
        terminal.show_stopped()
    if incomplete := logs.incomplete():
        terminal.say(f"  {incomplete}", err=True)
    if not code and (cause := streams.lost()):
        code = terminal.report_lost_output(cause)
    signals.end()
    gc.freeze()
    sys.exit(code)


class Stops:
    """Knows which signal asked to stop, though Dagster handles signals itself while a run goes on."""

    def __init__(self) -> None:
        self._read, write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write)
        signals.interrupt()
        self._last = 0

    def received(self) -> int:
        """Return the number of the last such signal, or 0."""
        with contextlib.suppress(BlockingIOError):
            numbers = [number for number in os.read(self._read, 1024) if number in signals.ENDING]
            self._last = numbers[-1] if numbers else self._last
        return self._last


def _fault(error: Exception) -> WdbcError:
    return WdbcError(
        f"unexpected {type(error).__name__}: this is a fault of wdbc, not of your input",
        hint="Run `wdbc --debug ...` and report the traceback.",
    )
