"""How the command line speaks: one line an asset, a table of metrics, and one short block for an error.

Every command prints through `say` or `document`, and nothing else: what others wrote (names, reasons, paths, messages)
can neither steer the terminal nor show a secret.
"""

import json
import logging
import math
import os
import shutil
import signal
import sys
import traceback
from typing import Any

import click

from wdbc_assets import safe_text
from wdbc_assets.cli import streams
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import staleness
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Store

_COLOURS = {"made": "green", "unchanged": "cyan", "refused": "red"}
_ESCAPE = "\x1b"
# Marks the escape codes of `style`: nobody else can know it, so that no escape code in foreign text passes for one.
_OWN = f"{_ESCAPE}{os.urandom(8).hex()}"


def say(text: str = "", *, err: bool = False) -> None:
    """Print one line. A line break at its start makes an empty line before it; any other one is shown as an escape."""
    line = text.lstrip("\n")
    before = text[: len(text) - len(line)]
    shown = safe_text.printable(safe_text.redact(line)).replace(safe_text.printable(_OWN), _ESCAPE)
    streams.write(f"{before}{shown}\n", err=err)


def style(text: str, **how: Any) -> str:
    """Return text with colour or weight, for `say`."""
    return click.style(safe_text.printable(text), **how).replace(_ESCAPE, _OWN)


def document(plain: Any) -> None:
    """Print a JSON document, for machines: ASCII, so that it cannot steer a terminal either."""
    streams.write(json.dumps(plain, indent=2).replace("\x7f", "\\u007f") + "\n")


class Live:
    """Progress on stderr: at a terminal one line that is written again, elsewhere a line each."""

    def __init__(self) -> None:
        self.rewritten = sys.stderr.isatty()

    def show(self, text: str) -> None:
        """Show where the work stands."""
        self.erase()
        shown = safe_text.printable(safe_text.redact(text))
        streams.write(shown if self.rewritten else f"{shown}\n", err=True)

    def erase(self) -> None:
        """Make room for a line that stays."""
        if self.rewritten:
            streams.write(f"\r{_ESCAPE}[2K", err=True)


class Number(click.FloatRange):
    """A number within bounds. click lets `nan` pass every bound, for it is neither above nor below any."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or refuse what is none."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a number.", param, ctx)
        return number


class Lines(logging.Handler):
    """Shows the package's records while a run goes on, and remembers the errors that ended it."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.errors: list[WdbcError] = []
        self._live = Live()

    def handler(self) -> logging.Handler:
        """Return what is added to a logger: this."""
        return self

    def unchanged(self, manifest: Manifest) -> None:
        """Show an asset that is up to date."""
        asset_line(manifest.asset, "unchanged", manifest.rows, None, manifest.version)

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record: an asset's line, a progress message, or nothing."""
        event = getattr(record, "event", None)
        fields = record.__dict__
        self._live.erase()
        if event in ("made", "unchanged"):
            asset_line(fields["asset"], event, fields.get("rows"), fields["seconds"], fields["version"])
        elif event == "refused":
            self.errors.append(fields["error"])
            if "asset" in fields:
                say(f"  {fields['asset']:<17} {_coloured('refused')}", err=True)
        elif event == "progress":
            self._live.show(f"  {fields['asset']:<17} {fields['progress']}")
        elif event == "note" or record.levelno >= logging.WARNING:
            say(style(f"    {record.getMessage()}", dim=True), err=True)


def asset_line(asset: str, event: str, rows: int | None, seconds: float | None, version: str) -> None:
    """Say what became of an asset."""
    counted = f"{rows} rows" if rows is not None else ""
    took = f"{seconds:.2f} s" if seconds is not None else ""
    say(f"  {asset:<17} {_coloured(event)} {counted:>12} {took:>9}   {staleness.short(version)}")


def metrics_table(metrics: dict[str, Any]) -> None:
    """Show every figure with its interval."""
    figures = {name: figure for name, figure in metrics.items() if isinstance(figure, dict) and "low" in figure}
    if not figures:
        return
    share = f"{100 * metrics['confidence']:g} % interval" if "confidence" in metrics else "interval"
    say(f"\n  {'metric':<14} {'value':>8}   {share:<18} by")
    for name, figure in figures.items():
        value, low, high = (_number(figure[part]) for part in ("value", "low", "high"))
        say(f"  {name:<14} {value:>8}   [{low}, {high}]   {figure.get('interval', '')}")
    if "confusion_matrix" in metrics:
        (true_negative, false_positive), (false_negative, true_positive) = metrics["confusion_matrix"]
        say(
            f"\n  of {true_negative + false_positive} benign {true_negative} called benign, {false_positive} malignant;"
            f" of {false_negative + true_positive} malignant {true_positive} called malignant, {false_negative} benign"
        )


def warn_if_replaced(store: Store, manifest: Manifest) -> None:
    """Say so if what a run made is not what is current."""
    current = store.current(manifest.asset)
    if current is None or current.version != manifest.version:
        say("\n  another run replaced an input meanwhile: these results are kept, but are not the current ones")


def command_name() -> str:
    """Return how to call `wdbc` again: as it was called, for `make` puts nothing on the PATH."""
    return "wdbc" if shutil.which("wdbc") else sys.argv[0]


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4f}"


def show_error(error: WdbcError) -> None:
    """Show an error on stderr: what, where, what to do."""
    from wdbc_assets.presentation import privacy

    say(style("error: ", fg="red", bold=True) + error.what, err=True)
    # Only what was found has lines of its own.
    found = privacy.redact_details(error).split("\n")
    where = "" if error.where in error.what else error.where
    for label, lines in (("where:", [where]), ("found:", found), ("do:", [error.hint])):
        for number, line in enumerate(lines):
            if line:
                say(f"  {'' if number else label:<7}{line}", err=True)


def show_traceback(error: Exception) -> None:
    """Show the traceback of an error on stderr."""
    for line in "".join(traceback.format_exception(error)).rstrip().split("\n"):
        say(line, err=True)


def show_usage_error(error: click.ClickException) -> None:
    """Show what is wrong with the arguments, which may be those of a script that passes on what others wrote."""
    context = getattr(error, "ctx", None)
    if context is not None:
        for line in (*context.get_usage().split("\n"), f"Try '{context.command_path} --help' for help.", ""):
            say(line, err=True)
    say(f"Error: {error.format_message()}", err=True)


def report_lost_output(cause: OSError) -> int:
    """Return the exit code of a command that did its work, but whose output could not be written; say so if need be."""
    if streams.is_broken_pipe(cause):
        return 128 + signal.SIGPIPE
    show_error(
        WdbcError(
            f"the output cannot be written: {cause.strerror}",
            where="standard output or standard error",
            hint="Send it elsewhere. The work itself is done: `wdbc status` shows it.",
        )
    )
    return 1


def show_stopped() -> None:
    """Say that the command was stopped and that nothing was lost."""
    say("\nstopped: nothing is half done, and nothing will be carried out later", err=True)


def _coloured(event: str) -> str:
    return style(f"{event:<9}", fg=_COLOURS[event])
