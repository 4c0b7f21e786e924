"""The kinds of source, and the parsing of a setting into a `Source`.

Logs, errors, manifests and metadata show a source as `Source.shown`.
"""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path

from wdbc_assets import safe_text
from wdbc_assets.sources.bundled import Bundled
from wdbc_assets.sources.cloud import CloudObject
from wdbc_assets.sources.errors import UnknownSource
from wdbc_assets.sources.files import File
from wdbc_assets.sources.http import Http
from wdbc_assets.sources.kafka import Kafka
from wdbc_assets.sources.objects import Object
from wdbc_assets.sources.source import Source
from wdbc_assets.sources.sql import Postgres, Sqlite

# `Object` is the last, because listing its schemes imports fsspec.
KINDS: tuple[type[Source], ...] = (Bundled, File, Http, Postgres, Sqlite, CloudObject, Kafka, Object)

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://.*", re.DOTALL)


def parse(text: str) -> Source:
    """Return the source that a user's setting names.

    Args:
        text: a name such as `bundled`, a path (absolute, relative or from `~`), or a URL, which may contain
            credentials.

    Raises:
        UnknownSource: the text is empty or none of these; the hint lists the possibilities.
    """
    text = text.strip()
    if not text:
        raise UnknownSource("the source is empty", hint=possible())
    if not text.isprintable():
        raise UnknownSource("the source contains a non-printable character", hint=possible())
    for kind in KINDS:
        if (address := kind.names.get(text)) is not None:
            return kind(address, address)
    url = _URL.fullmatch(text)
    return _url(text, url["scheme"].lower()) if url else _path(text)


def possible() -> str:
    """Return the hint that lists what can be given as a source."""
    *others, last = (kind.usage for kind in KINDS)
    return f"Use {', '.join(others)}, or {last}."


def _url(text: str, scheme: str) -> Source:
    for kind in KINDS:
        if scheme in kind.schemes():
            return kind.from_url(text)
    known = [scheme for kind in KINDS for scheme in kind.schemes()]
    raise UnknownSource(
        f"unknown protocol {scheme}://{_did_you_mean(scheme, known)}",
        where=safe_text.redact_url(text),
        hint=possible(),
    )


def _path(text: str) -> Source:
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # ~nobody-of-that-name
        path = Path(text)
    bare_word = path.name == text
    if (bare_word or ":" in text) and not _exists(path):
        # With a colon it may be a URL that lost its slashes. The rest may be a password, so it is not shown.
        word = text.partition(":")[0]
        shown = f"{word}:{safe_text.HIDDEN}" if ":" in text else text
        names = [name for kind in KINDS for name in kind.names]
        raise UnknownSource(
            f"the source {shown!r} is not a known name, not a file in {Path.cwd()} and not a URL"
            f"{_did_you_mean(word, names)}",
            hint=possible(),
        )
    return File(str(path.absolute()), str(path.absolute()))


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except OSError:
        return False
    return True


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word.lower(), list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
