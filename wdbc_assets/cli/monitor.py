"""`wdbc monitor`: take up batches or what the service left, and show whether the patients have drifted."""

from typing import TYPE_CHECKING, Any

import click

from wdbc_assets.cli import terminal
from wdbc_assets.cli.alerting import alerting
from wdbc_assets.cli.opening import opened
from wdbc_assets.cli.rebase import rebase
from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring import batches
from wdbc_assets.monitoring.inbox import open_inbox

if TYPE_CHECKING:
    from wdbc_assets.domain.data.incoming import IncomingBatch
    from wdbc_assets.domain.monitoring.drift import DriftReport
    from wdbc_assets.monitoring.inbox import Arrivals
    from wdbc_assets.store.store import Store

_SHOWN = 10
_NAMED = f"{__name__}.named"


class FileOrCommand(click.Group):
    """A group whose first argument is a file, unless it is the name of a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the arguments as those of a group only if they begin with the name of a command."""
        ctx.meta[_NAMED] = bool(args) and args[0] in self.commands
        if ctx.meta[_NAMED]:
            return super().parse_args(ctx, args)
        ctx.allow_extra_args, ctx.allow_interspersed_args = False, True
        return click.Command.parse_args(self, ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Leave out the file if there is a command in its place."""
        params = super().get_params(ctx)
        return [one for one in params if not (ctx.meta.get(_NAMED) and isinstance(one, click.Argument))]


@click.group(cls=FileOrCommand, invoke_without_command=True)
@click.argument("file", required=False, metavar="[FILE]")
@click.option("--service", is_flag=True, help="Take up what the service left instead, and show its last window.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def monitor(context: click.Context, *, file: str | None = None, service: bool, as_json: bool) -> None:
    """Take up the batches in the inbox, and show the drift report of the latest batch.

    Each batch is a run of the job `monitor`: its patients are stored under pseudonyms, scored by the champion, and
    compared, together with the batches before, with the patients that the model was developed on, or with those that
    `wdbc monitor rebase` accepted.

    With FILE, show the drift of that file alone. Nothing is stored. With --service, take up the windows of the
    prediction service that have ended, and show the drift report of the last one.

    Neither an alarm nor rows that are set aside change the exit code. Exit codes: 0 success, 1 a file or a batch was
    refused: it cannot be read, or none of its rows can be scored.
    """
    if context.invoked_subcommand is not None:
        return
    if service and file is not None:
        raise click.UsageError("--service and a file exclude each other.")
    config, store = opened()
    if service:
        with alerting(store, config):
            failed_files = _of_service(store, debug=context.obj, as_json=as_json)
        click.get_current_context().exit(int(failed_files))
    if file is not None:
        from wdbc_assets.monitoring import drift_of_file

        patients, drift = drift_of_file.assess(file, store, config)
        _show(drift, patients, as_json=as_json)
        return
    inbox = open_inbox(config)
    arrived = batches.arrivals(store, inbox)
    if arrived.batches and (problem := batches.other_key(store, inbox)):
        terminal.say(f"  note: {problem}; patients of both have two pseudonyms", err=True)
    with alerting(store, config):
        taken, failed = _take_up(store, arrived, debug=context.obj, quiet=as_json)
    batch, report = _latest(store)
    if as_json:
        _document(report, batch, arrived, taken, failed)
    elif report is not None:
        if not taken:
            terminal.say(f"  nothing new in {inbox.folder}{'' if inbox.folder.exists() else ', which does not exist'}")
        _show(report, batch, as_json=False)
    elif not failed:
        terminal.say(f"  no batch yet: put a file into {inbox.folder}, or use `wdbc inbox add`")
    context.exit(int(bool(failed or arrived.refused)))


monitor.add_command(rebase)


def _latest(store: "Store") -> "tuple[IncomingBatch | None, DriftReport | None]":
    """Return the latest batch that was compared, unless it was removed because of its age, and its report."""
    compared = store.partitions(batches.LAST)[-1:]
    if not compared:
        return None, None
    kept = store.current(batches.FIRST, compared[0])
    return None if kept is None else store.value(kept), store.handle(batches.LAST, partition=compared[0]).load()


def _of_service(store: "Store", *, debug: bool, as_json: bool) -> bool:
    """Take up what the service left, and show it. Return whether something could not be read or compared."""
    from wdbc_assets.monitoring import service_windows
    from wdbc_assets.orchestration import launch
    from wdbc_assets.pipeline import served_files

    files = served_files.open_files()
    comparable, missing = service_windows.comparable(store, files), service_windows.missing_input(store)
    assets = service_windows.assets_to_take_up(store, files)
    launch.served(reporter=terminal.Lines(quiet=as_json), debug=debug, assets=assets)
    taken = store.handle(service_windows.WINDOWS).load()
    report = store.handle(service_windows.REPORT).load() if service_windows.REPORT in assets else None
    waiting = service_windows.in_progress(files)
    if comparable and missing is not None:
        terminal.show_error(missing)
    if as_json:
        terminal.document(
            {
                "windows": [window.window for window in taken.windows],
                "in_progress": waiting,
                "damaged": taken.damaged,
                "report": report and _plain(report, None),
            }
        )
        return bool(taken.damaged or (comparable and missing))
    for name in taken.damaged:
        terminal.say(f"  {terminal.style('damaged', fg='red')} {name}: set aside in {files.damaged}", err=True)
    if report is not None:
        _show(report, None, as_json=False, kind="window")
    elif not comparable:
        terminal.say("  no window of the service has ended yet")
    for window, patients in waiting.items():
        terminal.say(f"  {window}, which goes on: {patients:,} patients are on the disk so far")
    return bool(taken.damaged or (comparable and missing))


def _take_up(
    store: "Store", arrived: "Arrivals", *, debug: bool, quiet: bool
) -> tuple[list[str], list[tuple[str, WdbcError]]]:
    """Run the job on each batch; return those that were taken up, and those that failed, which stop no other.

    Before there is a champion and an evaluation, batches are only stored.
    """
    from wdbc_assets.orchestration import launch
    from wdbc_assets.pipeline import specs

    if not quiet:
        _list(arrived)
    taken, failed = [], []
    missing = batches.missing_input(store)
    stored = batches.stored(store)
    for key in arrived.batches:
        if missing is not None and key in stored:
            continue
        if not quiet:
            terminal.say(f"  batch {key}")
        try:
            launch.batch(
                key,
                reporter=terminal.Lines(quiet=quiet),
                debug=debug,
                assets=specs.JOBS["monitor"] if missing is None else (batches.FIRST,),
            )
            taken.append(key)
        except WdbcError as error:
            terminal.show_error(error)
            failed.append((key, error))
    if missing is not None and arrived.batches:
        terminal.show_error(missing)
        failed.append(("", missing))
    return taken, failed


def _list(arrived: "Arrivals") -> None:
    for refused in arrived.refused:
        terminal.say(f"  {terminal.style('refused  ', fg='red')} {refused.name}: {refused.reason}", err=True)
    for duplicate in arrived.duplicates:
        terminal.say(f"  duplicate {duplicate.name}: this content is the batch {duplicate.batch}")
    for name in arrived.unfinished:
        terminal.say(f"  waiting   {name}: it may still be written; it is taken up once it stops changing")


def _document(
    report: "DriftReport | None",
    batch: "IncomingBatch | None",
    arrived: "Arrivals",
    taken: list[str],
    failed: list[tuple[str, WdbcError]],
) -> None:
    terminal.document(
        {
            "taken_up": taken,
            "failed": [{"batch": key or None, "what": error.what, "hint": error.hint} for key, error in failed],
            "refused": [vars(refused) for refused in arrived.refused],
            "duplicates": [vars(duplicate) for duplicate in arrived.duplicates],
            "unfinished": arrived.unfinished,
            "report": report and _plain(report, batch),
        }
    )


def _plain(report: "DriftReport", batch: "IncomingBatch | None") -> dict[str, Any]:
    from wdbc_assets.store import parsing

    plain: dict[str, Any] = parsing.plain(report)
    rows = None if batch is None else {"read": batch.rows, "set_aside": batch.set_aside, "violations": _counts(batch)}
    return plain | {"alarms": parsing.plain(report.alarms), "cause": report.cause, "rows": rows}


def _counts(batch: "IncomingBatch") -> dict[str, int]:
    return {violation.rule: violation.count for violation in batch.violations}


def _show(report: "DriftReport", batch: "IncomingBatch | None", *, as_json: bool, kind: str = "batch") -> None:
    if as_json:
        terminal.document(_plain(report, batch))
        return
    colour = {"drift": "red", "no drift": "green"}.get(report.verdict, "yellow")
    terminal.say(f"\n  {kind} {report.batch}: {terminal.style(report.verdict, fg=colour, bold=True)}")
    if batch is not None and batch.set_aside:
        rules = ", ".join(f"{rule} ({count:,} cells)" for rule, count in _counts(batch).items())
        aside = terminal.style(f"{batch.set_aside:,} set aside", fg="yellow")
        terminal.say(f"  {batch.rows:,} rows = {batch.rows - batch.set_aside:,} scored + {aside}: {rules}")
        if 2 * batch.set_aside > batch.rows:
            terminal.say(terminal.style("  most rows are set aside: the verdict is about the others only", fg="yellow"))
    earlier = f"{report.earlier_batches} earlier {_plural(kind, report.earlier_batches)}"
    terminal.say(
        f"  {formatting.counted(report.sketch.rows, 'patient')}, {earlier} with"
        f" {formatting.counted(report.earlier_rows, 'patient')}, against"
        f" {report.reference_rows:,} patients of the reference"
    )
    if report.rebase is not None:
        since, count = report.rebase.since[:19].replace("T", " "), len(report.rebase.batches)
        terminal.say(
            f"  reference: {count} accepted batch{'' if count == 1 else 'es'},"
            f" since {since} UTC (entry {report.rebase.entry} of the history); only batches after it count as earlier"
        )
    terminal.say(
        f"  alarm above |z| = {report.threshold:g}: by chance in {formatting.percent(report.false_alarms)} of years"
        f" with {report.cadence} {_plural(kind, 2)}"
    )
    if report.detectable is not None:
        terminal.say(f"  a shift of {report.detectable:.2f} standard deviations is found in 80 % of cases by now")
    if report.streams:
        terminal.say(f"\n  {'quantity':<24} {'aspect':<9} {'z':>7}  {_plural(kind, 2)}")
    for stream in report.streams[:_SHOWN]:
        mark = terminal.style("  alarm", fg="red") if stream in report.alarms else ""
        terminal.say(f"  {stream.quantity:<24} {stream.aspect:<9} {stream.z:>+7.2f}  {stream.window:>7}{mark}")
    if report.cause == "prevalence":
        terminal.say("\n  cause: the share of malignant patients changed; the patients of each class did not")
    elif report.cause:
        terminal.say("\n  cause: the measurements changed: check units and instruments at the sender")


def _plural(kind: str, number: int) -> str:
    return kind if number == 1 else f"{kind}{'es' if kind.endswith('h') else 's'}"
