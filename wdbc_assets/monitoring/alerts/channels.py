"""Sending one message through one channel, by Apprise (the extra `alerts`). Nothing else imports Apprise.

Apprise states the reason of a failure only in its log, so that is read here. Its text is redacted as all other text.
"""

import logging
from contextvars import ContextVar
from importlib import util
from typing import TYPE_CHECKING
from urllib.parse import quote

from wdbc_assets import safe_text
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring.alerts.messages import Message
from wdbc_assets.settings import AlertChannel

if TYPE_CHECKING:
    import apprise

KEY_HEADER = "Idempotency-Key"
_WITH_HEADERS = frozenset({"json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos"})
"""The schemes that send further headers. In other channels the key is in the last line of the text."""
_LONGEST_REASON = 200


class NotSent(WdbcError):
    """A channel did not accept a message."""


def is_installed() -> bool:
    """Return whether Apprise is installed. It is not imported."""
    return util.find_spec("apprise") is not None


def send(channel: AlertChannel, message: Message) -> None:
    """Send a message. Returns when the channel has accepted it.

    Raises:
        NotSent: the channel did not accept it, or does not answer. The message holds no secret.
    """
    if not is_installed():
        raise NotSent(
            "the package apprise is not installed",
            where=channel.name,
            hint="Install the extra: pip install 'wdbc_assets[alerts]'.",
        )
    import apprise

    url, body = _with_key(channel, message)
    with _Reasons() as reasons:
        asset = apprise.AppriseAsset(app_id="wdbc_assets", secure_logging=True)
        service = apprise.Apprise(asset=asset)
        if not service.add(url):
            raise NotSent(
                "Apprise does not accept the channel's URL",
                where=channel.name,
                hint="See the service's page in Apprise's documentation for the form of its URL.",
            )
        accepted = service.notify(
            body=body,
            title=message.title,
            notify_type=_tone(message),
            body_format=apprise.NotifyFormat.TEXT,
        )
    if not accepted:
        raise NotSent(
            f"the message was not accepted: {reasons.text() or 'for an unknown reason'}",
            where=channel.name,
            hint="Check the channel's URL and the service. `wdbc alerts test` tries each channel.",
        )


def _with_key(channel: AlertChannel, message: Message) -> tuple[str, str]:
    """Return the URL and the text, one of which holds the key."""
    scheme = channel.url.partition("://")[0].lower()
    if scheme not in _WITH_HEADERS:
        return channel.url, f"{message.body}\n\n{KEY_HEADER}: {message.key}"
    mark = "&" if "?" in channel.url else "?"
    return f"{channel.url}{mark}{quote('+' + KEY_HEADER, safe='+')}={message.key}", message.body


def _tone(message: Message) -> "apprise.NotifyType":
    import apprise

    return {
        "failure": apprise.NotifyType.FAILURE,
        "warning": apprise.NotifyType.WARNING,
        "success": apprise.NotifyType.SUCCESS,
        "info": apprise.NotifyType.INFO,
    }[message.tone]


class _Reasons(logging.Handler):
    """Keeps what Apprise logs while one message is sent, and keeps it from every other log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._lines: list[str] = []
        self._logger = logging.getLogger("apprise")

    def __enter__(self) -> "_Reasons":
        self._logger.propagate = False
        self._logger.addHandler(self)
        _sending.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a warning or an error, if it is about this message."""
        if _sending.get() is self:
            self._lines.append(record.getMessage())

    def text(self) -> str:
        """Return the last line that was logged, without secrets."""
        return safe_text.one_line(safe_text.redact(self._lines[-1]))[:_LONGEST_REASON] if self._lines else ""


# Apprise sends in threads of its own, to which it hands the context of the caller.
_sending: ContextVar[_Reasons | None] = ContextVar("_sending", default=None)
