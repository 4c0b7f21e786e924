"""How the command line speaks: one line an asset, a table of metrics, and one short block for an error."""

import logging
import math
import shutil
import sys
from typing import Any

import click

from wdbc_assets import freshness
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.storage.passport import Passport
from wdbc_assets.storage.store import Store

_COLOURS = {"made": "green", "unchanged": "cyan", "refused": "red"}


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
        self._live = sys.stderr.isatty()

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record: an asset's line, a progress message, or nothing."""
        event = getattr(record, "event", None)
        fields = record.__dict__
        self._erase()
        if event in ("made", "unchanged"):
            asset_line(fields["asset"], event, fields.get("rows"), fields["seconds"], fields["version"])
        elif event == "refused":
            self.errors.append(fields["error"])
            if "asset" in fields:
                click.echo(f"  {fields['asset']:<17} {_coloured('refused')}", err=True)
        elif event == "progress":
            self._progress(fields["asset"], fields["progress"])
        elif event == "note" or record.levelno >= logging.WARNING:
            click.echo(click.style(f"    {record.getMessage()}", dim=True), err=True)

    def _progress(self, asset: str, progress: str) -> None:
        click.echo(f"  {asset:<17} {progress}", nl=not self._live, err=True)

    def _erase(self) -> None:
        if self._live:
            click.echo("\r\x1b[2K", nl=False, err=True)


def asset_line(asset: str, event: str, rows: int | None, seconds: float | None, version: str) -> None:
    """Say what became of an asset."""
    counted = f"{rows} rows" if rows is not None else ""
    took = f"{seconds:.2f} s" if seconds is not None else ""
    click.echo(f"  {asset:<17} {_coloured(event)} {counted:>12} {took:>9}   {freshness.short(version)}")


def metrics_table(metrics: dict[str, Any]) -> None:
    """Show every figure with its interval."""
    figures = {name: figure for name, figure in metrics.items() if isinstance(figure, dict) and "low" in figure}
    if not figures:
        return
    share = f"{100 * metrics['confidence']:g} % interval" if "confidence" in metrics else "interval"
    click.echo(f"\n  {'metric':<14} {'value':>8}   {share:<18} by")
    for name, figure in figures.items():
        value, low, high = (_number(figure[part]) for part in ("value", "low", "high"))
        click.echo(f"  {name:<14} {value:>8}   [{low}, {high}]   {figure.get('interval', '')}")
    if "confusion_matrix" in metrics:
        (true_negative, false_positive), (false_negative, true_positive) = metrics["confusion_matrix"]
        click.echo(
            f"\n  of {true_negative + false_positive} benign {true_negative} called benign, {false_positive} malignant;"
            f" of {false_negative + true_positive} malignant {true_positive} called malignant, {false_negative} benign"
        )


def say_if_replaced(store: Store, passport: Passport) -> None:
    """Say so if what a run made is not what is current."""
    current = store.current(passport.asset)
    if current is None or current.version != passport.version:
        click.echo("\n  another run replaced an input meanwhile: these results are kept, but are not the current ones")


def as_called() -> str:
    """Return how to call `wdbc` again: as it was called, for `make` puts nothing on the PATH."""
    return "wdbc" if shutil.which("wdbc") else sys.argv[0]


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4f}"


def complain(error: WdbcError) -> None:
    """Show an error on stderr: what, where, what to do."""
    from wdbc_assets import privacy

    click.echo(click.style("error: ", fg="red", bold=True) + error.what, err=True)
    for label, text in (("where", error.where), ("found", privacy.of_refusal(error)), ("do", error.mend)):
        if text:
            first, *rest = text.splitlines()
            click.echo(f"  {label + ':':<7}{first}", err=True)
            for line in rest:
                click.echo(f"         {line}", err=True)


def stopped() -> None:
    """Say that the command was stopped and that nothing was lost."""
    click.echo("\nstopped; what was current stays current", err=True)


def _coloured(event: str) -> str:
    return click.style(f"{event:<9}", fg=_COLOURS[event])
