"""Sanitize text for display: remove control characters from untrusted text, and secrets from addresses.

All output passes through here: the terminal (`cli.terminal.say`), the log (`logs`) and the errors that Dagster records.
This module imports nothing of the project, so that every module can use it.
"""

import base64
import re
from collections.abc import Iterable
from urllib.parse import SplitResult, quote, unquote, urlsplit

HIDDEN = "***"
SHORTEST_SECRET = 4

# A chain of protocols (`simplecache::ftp://...`) is also a URL. A quotation mark or a space ends a URL in a sentence.
_SCHEME = r"(?:[A-Za-z][A-Za-z0-9+.-]*::)*[A-Za-z][A-Za-z0-9+.-]*://"
_ADDRESS = re.compile(rf"{_SCHEME}[^\s\x00-\x20\x7f\"'<>`]*")
_SECRET_NAME = re.compile(
    r"passw|passphrase|secret|token|credential|signature|(api|access|account|private)[-_]?key|connection[-_]?string"
    r"|(^|[-_.])(sig|sas|key|auth|code|pwd|pass)$",
    re.IGNORECASE,
)
_SECRET_VARIABLE = re.compile(
    r"(PASSW|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|(API|ACCESS|ACCOUNT|PRIVATE)_?KEY|CONNECTION_?STRING)(?!.*_(FILE|PATH|DIR)$)",
    re.IGNORECASE,
)
_DATABASES = frozenset({"postgresql", "postgresql+psycopg", "sqlite"})
_PUBLIC = frozenset({"table", "query"})  # of a database's address: what is read, which is no secret

_TOKEN = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z]).{8,}|.{20,}")

_known: set[str] = set()


def printable(text: str) -> str:
    """Return text as one line that cannot control a terminal.

    Control characters, line and paragraph separators, bidirectional marks, other invisible characters and lone
    surrogates become escapes (`\\x1b`, `\\u202e`).
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def one_line(text: str) -> str:
    """Return text as one line for a record: each run of white space becomes one space, the rest is `printable`."""
    return printable(" ".join(text.split()))


def redact_url(address: str) -> str:
    """Return a URL with its user-info, query values and fragment replaced by `***`."""
    chain, _, last = address.rpartition("::")
    if chain:
        return f"{redact_url(chain) if '://' in chain else chain}::{redact_url(last) if '://' in last else last}"
    pieces = split(address)
    if pieces is None:
        return f"{address.partition('://')[0]}://{HIDDEN}" if "://" in address else HIDDEN
    _, at, host = pieces.netloc.rpartition("@")
    shown = f"{pieces.scheme}://{HIDDEN + at if at else ''}{host}{pieces.path}"
    if pieces.query:
        pairs = (pair.partition("=") for pair in pieces.query.split("&"))
        shown += "?" + "&".join(
            f"{name}={value if _is_public(pieces, name) else HIDDEN}" if equals else HIDDEN
            for name, equals, value in pairs
        )
    return shown + (f"#{HIDDEN}" if pieces.fragment else "")


def _is_public(pieces: SplitResult, name: str) -> bool:
    return name in _PUBLIC and pieces.scheme in _DATABASES


def redact(text: str) -> str:
    """Return text without the secrets in its URLs and without the secrets given to `remember`."""
    for secret in sorted((secret for secret in _known if secret in text), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    if "://" not in text:
        return text
    return _ADDRESS.sub(lambda match: redact_url(match[0]) if _has_secret_place(match[0]) else match[0], text)


def conceal(text: str, address: str) -> str:
    """Return text without the secrets of `address`, in any spelling in which a server may echo them."""
    for secret in sorted(secrets(address), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def secrets(address: str, *, certain: bool = False) -> set[str]:
    """Return the secrets of an address in every spelling. With `certain`, leave out values that may be common words."""
    pieces = split(address.rpartition("::")[2])
    if pieces is None:
        return set()
    user_info = pieces.netloc.rpartition("@")[0]
    user, _, password = user_info.partition(":")
    pairs = [pair.partition("=") for pair in pieces.query.split("&")]
    values = {password or user} | {value for name, _, value in pairs if _SECRET_NAME.search(name)}
    if not certain:
        values |= {user, pieces.fragment} | {value or name for name, _, value in pairs}
    header = base64.b64encode(unquote(user_info).encode(errors="surrogateescape")).decode()
    return {spelling for secret in values for spelling in _spellings(secret)} | ({header} if user_info else set())


def remember(*addresses: str, variables: Iterable[tuple[str, str]] = ()) -> None:
    """Hide the secrets of addresses, and of variables with a secret's name, in all further output."""
    for address in addresses:
        _known.update(secrets(address, certain=True))
    for name, value in variables:
        if _SECRET_VARIABLE.search(name) and len(value) >= 2 * SHORTEST_SECRET:
            _known.update(_spellings(value))


def remember_whole(address: str) -> None:
    """Hide an address that is a secret as a whole, and each of its components that looks like a token.

    A chat service's token stands where other addresses have the host or the path.
    """
    remember(address)
    rest = address.partition("://")[2]
    components = {rest, *re.split(r"[/?&=@,#]", rest), *re.split(r"[/?&=@,#:]", rest)}
    _known.update(spelling for text in components if _TOKEN.fullmatch(text) for spelling in _spellings(text))


def split(address: str) -> SplitResult | None:
    """Return the components of a URL, or None if it is ambiguous where the user-info ends."""
    try:
        pieces = urlsplit(address)
        if pieces.scheme in {"http", "https"}:
            _ = pieces.port  # raises ValueError if it is not a number
    except ValueError:
        return None
    # In https://ann:1/2@host the unquoted / ends the host early, and part of the password looks like a port.
    behind_host = pieces.path + pieces.query + pieces.fragment
    ambiguous = "@" in behind_host and "@" not in pieces.netloc and ":" in pieces.netloc
    return None if ambiguous or not pieces.scheme else pieces


def _spellings(secret: str) -> set[str]:
    plain = unquote(secret)
    spellings = {secret, plain, quote(plain, errors="replace"), quote(plain, safe="", errors="replace")}
    return {spelling for spelling in spellings if len(spelling) >= SHORTEST_SECRET}


def _has_secret_place(address: str) -> bool:
    return any(mark in address for mark in "@?#")
