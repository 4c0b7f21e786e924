"""The channels of alerts, as `WDBC_ALERTS` lists them. Only the syntax is checked here: no library is imported.

    WDBC_ALERTS="error=mailtos://user:password@example.org,tgram://token/chat warning=jsons://example.org/hook"

An entry is `warning=` or `error=`, then URLs of Apprise, separated by commas; white space separates entries. A channel
receives alerts of its severity and of all higher ones. A URL is a secret as a whole: a chat service's token stands
where other URLs have the host.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

Severity = Literal["warning", "error"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The severities, the least severe first."""

_COMMA = re.compile(r",(?=[A-Za-z][A-Za-z0-9+]*://)")  # a comma inside a URL separates values of that URL
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+]*://[^\s/,?][^\s,?]*(\?\S*[^\s,])?")


@dataclass(frozen=True)
class AlertChannel:
    """One channel: a name without secrets, the least severity that it receives, and its URL."""

    name: str
    least: Severity
    url: str = field(repr=False)

    def receives(self, severity: Severity) -> bool:
        """Return whether the channel receives alerts of a severity."""
        return SEVERITIES.index(severity) >= SEVERITIES.index(self.least)


def parse(text: str) -> tuple[AlertChannel, ...]:
    """Return the channels of a setting's text. A URL that is listed twice is one channel, with the lesser severity.

    A channel's name is the scheme of its URL, numbered from the second on: a corrected password keeps the name, and so
    the messages that wait for the channel.

    Raises:
        ValueError: the text is malformed. The message names the entry by its position, because a URL is a secret.
    """
    least: dict[str, Severity] = {}
    for severity, url in _entries(text):
        if url not in least or severity == SEVERITIES[0]:
            least[url] = severity
    seen: Counter[str] = Counter()
    channels = []
    for url, severity in least.items():
        scheme = url.partition("://")[0].lower()
        seen[scheme] += 1
        name = scheme if seen[scheme] == 1 else f"{scheme}-{seen[scheme]}"
        channels.append(AlertChannel(name, severity, url))
    return tuple(channels)


def _entries(text: str) -> Iterator[tuple[Severity, str]]:
    for number, entry in enumerate(text.split(), start=1):
        name, equals, urls = entry.partition("=")
        severity = next((known for known in SEVERITIES if known == name), None)
        if not equals or severity is None:
            raise ValueError(f"entry {number} does not begin with {' or '.join(f'{known}=' for known in SEVERITIES)}")
        for position, url in enumerate(_COMMA.split(urls), start=1):
            if not _URL.fullmatch(url) or not url.isprintable():
                raise ValueError(
                    f"URL {position} of entry {number} is not of the form scheme://..., as Apprise reads it"
                )
            yield severity, url
