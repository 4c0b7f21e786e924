"""Parse a source setting into a `Location` whose secrets are redacted (by `safe_text`).

Logs, errors, manifests and metadata show a source as `Location.shown`. Fetching belongs to `fetching`.
"""

import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from wdbc_assets import safe_text
from wdbc_assets.sources.errors import UnknownSource

UCI = "https://archive.ics.uci.edu/ml/machine-learning-databases/breast-cancer-wisconsin/wdbc.data"
NAMES = ("bundled", "uci")
POSSIBLE = (
    "Use bundled (the copy that scikit-learn ships), uci (the archive's file, over HTTPS), a path, file:///..., "
    "http://..., https://..., or a URL of a protocol that fsspec supports (s3://, gs://, memory://, ...)."
)

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Location:
    """One source.

    Attributes:
        kind: "bundled"; "path" (a local file); "http" (also https); "object" (any other URL, read by fsspec).
        address: the full address, credentials included; hidden in the representation.
        shown: the address for display: user-info and query values are `***`.
    """

    kind: Literal["bundled", "path", "http", "object"]
    address: str = field(repr=False)
    shown: str

    def conceal(self, text: str) -> str:
        """Return `text`, sent by the source, without secrets of the address that it may echo."""
        return safe_text.redact(safe_text.conceal(text, self.address))


def parse(text: str) -> Location:
    """Return the source that a user's setting names.

    Args:
        text: `bundled`, `uci`, a path (absolute, relative or from `~`), a `file://`, `http://` or `https://` URL, or a
            URL of any protocol that fsspec supports. A URL may contain credentials.

    Raises:
        UnknownSource: the text is empty or none of these; the hint lists the possibilities.
    """
    text = text.strip()
    if not text:
        raise UnknownSource("the source is empty", hint=POSSIBLE)
    if not text.isprintable():
        raise UnknownSource("the source contains a non-printable character", hint=POSSIBLE)
    if text == "bundled":
        return Location("bundled", text, text)
    if text == "uci":
        return Location("http", UCI, UCI)
    url = _URL.fullmatch(text)
    return _url(text, url["scheme"].lower(), url["rest"]) if url else _path(text)


def _url(text: str, scheme: str, rest: str) -> Location:
    if scheme in {"file", "local"}:
        host, slash, path = rest.partition("/")
        if host not in {"", "localhost"} or not path:
            raise UnknownSource(
                "the file URL is not an absolute path on this machine",
                where=safe_text.redact_url(text),
                hint="Write three slashes: file:///folder/wdbc.data.",
            )
        return Location("path", slash + unquote(path), slash + unquote(path))
    shown = safe_text.redact_url(text)
    pieces = safe_text.split(text)
    if pieces is None or "::" in text:
        raise UnknownSource(
            "the URL is ambiguous or malformed",
            where=f"{scheme}://{safe_text.HIDDEN}",
            hint="In a user name or password, write / as %2F, @ as %40, : as %3A, ? as %3F and # as %23; "
            "use a single URL, not a chain.",
        )
    if scheme in {"http", "https"}:
        if not pieces.hostname:
            raise UnknownSource("the URL has no host", where=shown, hint=POSSIBLE)
        return Location("http", text, shown)
    known = _protocols()
    if scheme not in known:
        raise UnknownSource(f"unknown protocol {scheme}://{_did_you_mean(scheme, known)}", where=shown, hint=POSSIBLE)
    return Location("object", text, shown)


def _protocols() -> list[str]:
    import fsspec

    return ["http", "https", *fsspec.available_protocols()]


def _path(text: str) -> Location:
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # ~nobody-of-that-name
        path = Path(text)
    bare_word = path.name == text
    if (bare_word or ":" in text) and not _exists(path):
        # With a colon it may be a URL that lost its slashes. The rest may be a password, so it is not shown.
        word = text.partition(":")[0]
        shown = f"{word}:{safe_text.HIDDEN}" if ":" in text else text
        raise UnknownSource(
            f"the source {shown!r} is not a known name, not a file in {Path.cwd()} and not a URL"
            f"{_did_you_mean(word, NAMES)}",
            hint=POSSIBLE,
        )
    return Location("path", str(path.absolute()), str(path.absolute()))


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except OSError:
        return False
    return True


def _did_you_mean(word: str, known: list[str] | tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word.lower(), known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
