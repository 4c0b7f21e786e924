"""`wdbc alerts`: what is wrong now, since when, and whether people were alerted; acknowledge, silence, and test."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from wdbc_assets import clock, settings
from wdbc_assets.cli import terminal
from wdbc_assets.cli.opening import opened
from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    from wdbc_assets.monitoring.alerts.episodes import Episode, Silence
    from wdbc_assets.monitoring.alerts.outbox import Backlog


class Time(click.ParamType[datetime]):
    """A point in time to come: in ISO 8601, in UTC unless it states another zone, or from now on, such as 8h or 2d."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the point in time, or fail if the text is not one."""
        if isinstance(value, datetime):
            return value
        from wdbc_assets.monitoring.alerts import operators

        try:
            return operators.end_of_silence(str(value), clock.now())
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.group(invoke_without_command=True)
@click.option("--open", "only_open", is_flag=True, help="Leave out closed episodes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def alerts(context: click.Context, *, only_open: bool, as_json: bool) -> None:
    """Look for problems now, send what is due, and list all episodes, open ones first.

    Exit code: 0, also if alerts are open; `wdbc status --check` is for a monitoring system.
    """
    if context.invoked_subcommand is not None:
        if only_open or as_json:
            raise click.UsageError("--open and --json belong to `wdbc alerts` itself.", context)
        return
    from wdbc_assets.monitoring.alerts.outbox import open_outbox
    from wdbc_assets.orchestration import alerting
    from wdbc_assets.orchestration.instance import open_instance

    config, store = opened()
    episodes = alerting.look(store, config, open_instance).episodes
    alerting.send(config, wait_seconds=alerting.SEND_SECONDS)
    if only_open:
        episodes = [episode for episode in episodes if episode.closed_at is None]
    with open_outbox(settings.ensure_home()) as box:
        backlogs, silences = box.backlogs(), box.silences(clock.now())
    if as_json:
        terminal.document(_plain(episodes, config.alert_channels(), backlogs, silences))
        return
    for episode in episodes:
        _show(episode)
    if not episodes:
        terminal.say("  no alerts")
    for silence in silences:
        terminal.say(f"  silenced: {silence.target} until {silence.until:%Y-%m-%d %H:%M} UTC: {silence.reason}")
    _show_channels(config.alert_channels(), backlogs)


@alerts.command()
@click.argument("episode", metavar="ID")
def ack(*, episode: str) -> None:
    """Acknowledge an open episode, so that no more reminders are sent. The beginning of its ID is enough."""
    from wdbc_assets.monitoring.alerts import operators
    from wdbc_assets.monitoring.alerts.outbox import open_outbox

    with open_outbox(settings.ensure_home()) as box:
        acknowledged = operators.acknowledge(box, episode)
    terminal.say(f"acknowledged {acknowledged.id}: no more reminders; its end will still be reported")


@alerts.command()
@click.argument("cause")
@click.option("--until", type=Time(), required=True, metavar="TIME", help="End: 2026-12-01T08:00 (UTC), 8h or 2d.")
@click.option("--reason", required=True, metavar="TEXT", help="Why, for others on call.")
def silence(*, cause: str, until: datetime, reason: str) -> None:
    """Send nothing about a CAUSE for a time. What is still open at its end is sent then.

    CAUSE is the name of a cause (failed-run), or of a cause at one subject (failed-run:job-train).
    """
    from wdbc_assets.monitoring.alerts import operators
    from wdbc_assets.monitoring.alerts.episodes import Silence
    from wdbc_assets.monitoring.alerts.outbox import open_outbox

    wanted = Silence(cause, until, reason, settings.load().acting_as())
    with open_outbox(settings.ensure_home()) as box:
        operators.silence(box, wanted)
    terminal.say(f"silenced {cause} until {until:%Y-%m-%d %H:%M} UTC")


@alerts.command("test")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def test_channels(context: click.Context, *, as_json: bool) -> None:
    """Send a test message through each channel, and say which channels accepted it.

    Exit codes: 0 every channel accepted it, 1 at least one did not, or none is configured.
    """
    served = settings.load().alert_channels()
    if not served:
        raise WdbcError(
            "no channel of alerts is configured",
            where=settings.variable("alerts"),
            hint="Set it, for example to error=mailtos://user:password@example.org. See docs/operations.md.",
        )
    errors: dict[str, WdbcError | None] = {}
    for channel in served:
        errors[channel.name] = error = _try(channel)
        if not as_json:
            sent = terminal.style("sent", fg="green") + "    accepted the test message"
            failed = terminal.style("failed", fg="red") + f"  {error.what}. {error.hint}" if error else ""
            terminal.say(f"  {channel.name:<12} {failed or sent}")
    if as_json:
        found = [{"channel": name, "sent": not error, "error": error and error.what} for name, error in errors.items()]
        terminal.document({"channels": found})
    context.exit(int(any(errors.values())))


def _try(channel: settings.AlertChannel) -> WdbcError | None:
    """Send a test message through a channel; return why it was not accepted."""
    from wdbc_assets.monitoring.alerts import channels, messages

    try:
        channels.send(channel, messages.trial(clock.now()))
    except channels.NotSent as error:
        return error
    return None


def show_status() -> None:
    """Print what `wdbc status` says of alerts: open episodes, and channels that do not accept messages."""
    from wdbc_assets.monitoring.alerts import outbox

    if not outbox.exists(settings.home()):
        return
    try:
        with outbox.open_outbox(settings.home()) as box:
            open_ = [episode for episode in box.episodes() if episode.closed_at is None]
            backlogs = box.backlogs()
    except WdbcError as error:
        terminal.say(terminal.style(f"  alerts: {error.what} ({error.where})", fg="red"))
        return
    if open_:
        terminal.say(terminal.style(f"  alerts: {len(open_)} open, by the last look; see `wdbc alerts`", fg="red"))
    for backlog in backlogs:
        terminal.say(terminal.style(f"  alerts: {_waiting(backlog)}", fg="yellow"))


def _show(episode: "Episode") -> None:
    from wdbc_assets.monitoring.alerts.causes import link

    colour = {"closed": "green", "acknowledged": "yellow"}.get(episode.state, "red")
    state = terminal.style(f"{episode.state:<12}", fg=colour)
    terminal.say(f"  {state} {episode.severity:<7} since {episode.since:%Y-%m-%d %H:%M} UTC  {episode.id}")
    terminal.say(f"    {episode.text}")
    if episode.closed_at is None:
        terminal.say(f"    what to do: {link(episode.cause)}")


def _show_channels(served: tuple[settings.AlertChannel, ...], backlogs: "list[Backlog]") -> None:
    waiting = {backlog.channel: backlog for backlog in backlogs}
    for channel in served:
        state = _waiting(waiting[channel.name]) if channel.name in waiting else f"channel {channel.name}: all sent"
        terminal.say(f"  {state}")
    if not served:
        terminal.say(f"  nothing is sent: {settings.variable('alerts')} is not set")


def _waiting(backlog: "Backlog") -> str:
    count = f"{backlog.messages} message{'s' if backlog.messages > 1 else ''}"
    text = f"channel {backlog.channel}: {count} waiting since {backlog.since:%Y-%m-%d %H:%M} UTC"
    return f"{text}, tried {backlog.attempts} times: {backlog.error}" if backlog.attempts else text


def _plain(
    episodes: "list[Episode]",
    served: tuple[settings.AlertChannel, ...],
    backlogs: "list[Backlog]",
    silences: "list[Silence]",
) -> dict[str, Any]:
    waiting = {backlog.channel: backlog for backlog in backlogs}
    return {
        "episodes": [
            {
                "id": episode.id,
                "severity": episode.severity,
                "cause": episode.cause,
                "subject": episode.subject,
                "text": episode.text,
                "since": episode.since.isoformat(),
                "closed_at": episode.closed_at and episode.closed_at.isoformat(),
                "state": episode.state,
                "reported": episode.reported or None,
            }
            for episode in episodes
        ],
        "silences": [
            {"cause": one.target, "until": one.until.isoformat(), "reason": one.reason, "by": one.by}
            for one in silences
        ],
        "channels": [
            {
                "channel": channel.name,
                "least_severity": channel.least,
                "waiting": waiting[channel.name].messages if channel.name in waiting else 0,
                "attempts": waiting[channel.name].attempts if channel.name in waiting else 0,
                "error": waiting[channel.name].error or None if channel.name in waiting else None,
            }
            for channel in served
        ],
    }
