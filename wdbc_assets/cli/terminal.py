"""Terminal output of all commands: one line per asset, a table of metrics, and a short block for an error.

Every command prints only through `say` or `document`, so that foreign text (names, reasons, paths, messages) can
neither control the terminal nor reveal a secret.
"""

import json
import logging
import math
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wdbc_assets import safe_text
from wdbc_assets.cli import streams
from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    from wdbc_assets.domain.evaluation.metrics_result import Metrics

_COLOURS = {"made": "green", "unchanged": "cyan", "refused": "red"}
_ESCAPE = "\x1b"
# Marks the escape codes of `style`. It is random, so that escape codes in foreign text cannot pass as ours.
_OWN = f"{_ESCAPE}{os.urandom(8).hex()}"

_only_json: ContextVar[bool] = ContextVar("only_json", default=False)


@contextmanager
def only_json(*, on: bool) -> Iterator[None]:
    """Print nothing on stdout inside but the document, if this is on. Lines on stderr are printed in any case."""
    token = _only_json.set(on)
    try:
        yield
    finally:
        _only_json.reset(token)


def say(text: str = "", *, err: bool = False) -> None:
    """Print one line. Leading line breaks print empty lines; any other line break is escaped."""
    if _only_json.get() and not err:
        return
    line = text.lstrip("\n")
    before = text[: len(text) - len(line)]
    shown = safe_text.printable(safe_text.redact(line)).replace(safe_text.printable(_OWN), _ESCAPE)
    streams.write(f"{before}{shown}\n", err=err)


def style(text: str, **how: Any) -> str:
    """Return styled text for `say`."""
    return click.style(safe_text.printable(text), **how).replace(_ESCAPE, _OWN)


def document(plain: Any) -> None:
    """Print a JSON document, in ASCII so that it cannot control a terminal."""
    streams.write(json.dumps(plain, indent=2).replace("\x7f", "\\u007f") + "\n")


class Live:
    """Progress on stderr: a line that is rewritten on a terminal, one line per message elsewhere."""

    def __init__(self) -> None:
        self.rewritten = sys.stderr.isatty()

    def show(self, text: str) -> None:
        """Show the progress."""
        self.erase()
        shown = safe_text.printable(safe_text.redact(text))
        streams.write(shown if self.rewritten else f"{shown}\n", err=True)

    def erase(self) -> None:
        """Erase the progress line."""
        if self.rewritten:
            streams.write(f"\r{_ESCAPE}[2K", err=True)


class Number(click.FloatRange):
    """A finite number within bounds. click accepts `nan` for any bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or fail if the value is not a finite number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a number.", param, ctx)
        return number


class RecipeName(click.Choice[str]):
    """The name of a recipe."""

    def __init__(self) -> None:
        super().__init__(list(recipes.RECIPES))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the name, or fail with the new name of a renamed recipe or the names that exist."""
        if value in recipes.RENAMED:
            self.fail(recipes.rejection(value), param, ctx)
        return super().convert(value, param, ctx)


class Lines(logging.Handler):
    """Log handler that prints the package's records during a run, and keeps the errors that ended it."""

    def __init__(self, *, quiet: bool = False) -> None:
        super().__init__(logging.ERROR if quiet else logging.INFO)
        self.errors: list[WdbcError] = []
        self._live = Live()

    def handler(self) -> logging.Handler:
        """Return the log handler: this object."""
        return self

    def unchanged(self, manifest: Manifest) -> None:
        """Print the line of an asset that is up to date."""
        asset_line(manifest.asset, "unchanged", manifest.rows, None, manifest.version)

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record: an asset's line, a progress message, or nothing."""
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
    """Print the outcome of an asset."""
    row_count = formatting.counted(rows, "row") if rows is not None else ""
    duration = f"{seconds:.2f} s" if seconds is not None else ""
    say(f"  {asset:<17} {_coloured(event)} {row_count:>12} {duration:>9}   {formatting.short(version)}")


def metrics_table(metrics: "Metrics") -> None:
    """Print every metric with its interval."""
    interval = f"{100 * metrics.confidence:g} % interval"
    say(f"\n  {'metric':<14} {'value':>8}   {interval:<18} by")
    for name, metric in metrics.by_name.items():
        bounds = "" if metric.low is None else f"[{metric.low:.4f}, {metric.high:.4f}]"
        say(f"  {name:<14} {formatting.number(metric.value):>8}   {bounds:<18} {metric.by}")
    for name, note in metrics.notes.items():
        say(f"  {name}: {note}")
    (true_negative, false_positive), (false_negative, true_positive) = metrics.confusion_matrix
    say(
        f"\n  of {true_negative + false_positive} benign {true_negative} called benign, {false_positive} malignant;"
        f" of {false_negative + true_positive} malignant {true_positive} called malignant, {false_negative} benign"
    )


def warn_if_replaced(store: Store, manifest: Manifest) -> None:
    """Print a warning if the version that a run made is not the current one."""
    current = store.current(manifest.asset)
    if current is None or current.version != manifest.version:
        say("\n  another run replaced an input in the meantime: these results are stored, but are not current")


def command_name() -> str:
    """Return the command to suggest in messages: as it was typed, because `make` puts nothing on the PATH."""
    if shutil.which("wdbc"):
        return "wdbc"
    return "python -m wdbc_assets" if Path(sys.argv[0]).name == "__main__.py" else sys.argv[0]


def show_error(error: WdbcError) -> None:
    """Print an error on stderr: what is wrong, where, and a hint."""
    from wdbc_assets.presentation import privacy

    say(style("error: ", fg="red", bold=True) + error.what, err=True)
    # Only the details have several lines.
    details = privacy.redact_details(error).split("\n")
    where = "" if error.where in error.what else error.where
    for label, lines in (("where:", [where]), ("found:", details), ("hint:", [error.hint])):
        for number, line in enumerate(lines):
            if line:
                say(f"  {'' if number else label:<7}{line}", err=True)


def show_traceback(error: Exception) -> None:
    """Print the traceback of an error on stderr."""
    for line in "".join(traceback.format_exception(error)).rstrip().split("\n"):
        say(line, err=True)


def show_usage_error(error: click.ClickException) -> None:
    """Print a usage error on stderr. The arguments may contain foreign text that a script passes on."""
    context = getattr(error, "ctx", None)
    if context is not None:
        for line in (*context.get_usage().split("\n"), f"Try '{context.command_path} --help' for help.", ""):
            say(line, err=True)
    say(f"Error: {error.format_message()}", err=True)


def report_lost_output(cause: OSError) -> int:
    """Return the exit code of a finished command whose output was lost; print an error unless it was a closed pipe."""
    if streams.is_broken_pipe(cause):
        return 128 + signal.SIGPIPE
    show_error(
        WdbcError(
            f"the output cannot be written: {cause.strerror}",
            where="standard output or standard error",
            hint="Send the output elsewhere. The command itself has finished: see `wdbc status`.",
        )
    )
    return 1


def show_stopped() -> None:
    """Print that the command was stopped, and that nothing is left half done."""
    say("\nstopped: nothing is left half stored, and nothing keeps running", err=True)


def _coloured(event: str) -> str:
    return style(f"{event:<9}", fg=_COLOURS[event])
