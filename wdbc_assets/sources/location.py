"""Which source a setting means: one text in, one `Location` out, with its secrets hidden from sight (by `safe_text`).

Everything that is written about a source (logs, errors, manifests, metadata) uses `Location.shown`, made here.
Fetching belongs to `fetching`.
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
    "Possible are: bundled (the copy that scikit-learn ships), uci (the archive's file, over HTTPS), a path, "
    "file:///..., http://..., https://..., or a URL of a protocol that fsspec knows (s3://, gs://, memory://, ...)."
)

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Location:
    """One source.

    Attributes:
        kind: "bundled"; "path" (a file of this machine); "http" (also https); "object" (any other URL, by fsspec).
        address: the real one, credentials included; kept out of the representation.
        shown: the address as it may be written anywhere: user-info and the values of the query are `***`.
    """

    kind: Literal["bundled", "path", "http", "object"]
    address: str = field(repr=False)
    shown: str

    def conceal(self, text: str) -> str:
        """`text`, sent by the source, without the secrets of the address that it may echo."""
        return safe_text.redact(safe_text.conceal(text, self.address))


def parse(text: str) -> Location:
    """The source that `text`, a setting of the user, means.

    Args:
        text: `bundled`, `uci`, a path (absolute, relative or from `~`), a `file://`, `http://` or `https://` URL, or
            a URL of any protocol that fsspec knows. Credentials may stand in a URL.

    Raises:
        UnknownSource: the text is empty or means none of these; it says what is possible.
    """
    text = text.strip()
    if not text:
        raise UnknownSource("the source is empty", hint=POSSIBLE)
    if not text.isprintable():
        raise UnknownSource("the source holds a character that cannot be printed", hint=POSSIBLE)
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
                "the file URL names no absolute path of this machine",
                where=safe_text.redact_url(text),
                hint="Write three slashes: file:///folder/wdbc.data.",
            )
        return Location("path", slash + unquote(path), slash + unquote(path))
    shown = safe_text.redact_url(text)
    pieces = safe_text.split(text)
    if pieces is None or "::" in text:
        raise UnknownSource(
            "the URL cannot be taken apart",
            where=f"{scheme}://{safe_text.HIDDEN}",
            hint="In a user name or password write / as %2F, @ as %40, : as %3A, ? as %3F and # as %23; "
            "name one URL, not a chain of them.",
        )
    if scheme in {"http", "https"}:
        if not pieces.hostname:
            raise UnknownSource("the URL names no host", where=shown, hint=POSSIBLE)
        return Location("http", text, shown)
    known = _protocols()
    if scheme not in known:
        raise UnknownSource(
            f"there is no protocol {scheme}://{_did_you_mean(scheme, known)}", where=shown, hint=POSSIBLE
        )
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
        # With a colon it may be a URL that lost its slashes: what follows may be a password and is not repeated.
        word = text.partition(":")[0]
        shown = f"{word}:{safe_text.HIDDEN}" if ":" in text else text
        raise UnknownSource(
            f"the source {shown!r} is neither one that is known by name, nor a file in {Path.cwd()}, nor a URL"
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
