"""What may be shown of text that somebody else wrote, and of addresses: no control character, no secret.

Everything that leaves for people to read goes through here: the terminal (`cli.terminal.say`), the log (`logs`), and
what Dagster keeps of an error. This module imports nothing of the project, so that every part of it can use it.
"""

import base64
import re
from collections.abc import Iterable
from urllib.parse import SplitResult, quote, unquote, urlsplit

HIDDEN = "***"
SHORTEST_SECRET = 4

# A chain of protocols (`simplecache::ftp://...`) is a URL, too. A quotation mark or a space ends one inside a sentence.
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

_known: set[str] = set()


def printable(text: str) -> str:
    """Return text as one line that cannot steer a terminal.

    Control characters, line and paragraph separators, marks that turn the direction of writing, other invisible
    characters and lone surrogates become escapes (`\\x1b`, `\\u202e`).
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def one_line(text: str) -> str:
    """Return text for the record: line breaks and other white space become one blank each, the rest is `printable`."""
    return printable(" ".join(text.split()))


def redact_url(address: str) -> str:
    """Return a URL without what may be secret: its user-info, the values of its query and its fragment are `***`."""
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
        shown += "?" + "&".join(f"{name}={HIDDEN}" if equals else HIDDEN for name, equals, _ in pairs)
    return shown + (f"#{HIDDEN}" if pieces.fragment else "")


def redact(text: str) -> str:
    """Return text without the secrets of any address in it, nor any that `remember` was given."""
    for secret in sorted((secret for secret in _known if secret in text), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    if "://" not in text:
        return text
    return _ADDRESS.sub(lambda found: redact_url(found[0]) if _has_secret_place(found[0]) else found[0], text)


def conceal(text: str, address: str) -> str:
    """Return text without what is secret in `address`, in any spelling in which a server may send it back."""
    for secret in sorted(secrets(address), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def secrets(address: str, *, certain: bool = False) -> set[str]:
    """Return what is secret in an address, in every spelling; only what is `certain` not to be a common word, too."""
    pieces = split(address.rpartition("::")[2])
    if pieces is None:
        return set()
    user_info = pieces.netloc.rpartition("@")[0]
    user, _, password = user_info.partition(":")
    pairs = [pair.partition("=") for pair in pieces.query.split("&")]
    found = {password or user} | {value for name, _, value in pairs if _SECRET_NAME.search(name)}
    if not certain:
        found |= {user, pieces.fragment} | {value or name for name, _, value in pairs}
    header = base64.b64encode(unquote(user_info).encode(errors="surrogateescape")).decode()
    return {spelling for secret in found for spelling in _spellings(secret)} | ({header} if user_info else set())


def remember(*addresses: str, variables: Iterable[tuple[str, str]] = ()) -> None:
    """Keep the secrets of addresses, and of variables named like one, out of all that is shown from now on."""
    for address in addresses:
        _known.update(secrets(address, certain=True))
    for name, value in variables:
        if _SECRET_VARIABLE.search(name) and len(value) >= 2 * SHORTEST_SECRET:
            _known.update(_spellings(value))


def split(address: str) -> SplitResult | None:
    """Return the parts of a URL, or None where it cannot be decided which part is the user-info."""
    try:
        pieces = urlsplit(address)
        if pieces.scheme in {"http", "https"}:
            _ = pieces.port  # raises where it is no number
    except ValueError:
        return None
    # In https://ann:1/2@host an unquoted / ends the host early, and half a password looks like a port.
    behind_host = pieces.path + pieces.query + pieces.fragment
    ambiguous = "@" in behind_host and "@" not in pieces.netloc and ":" in pieces.netloc
    return None if ambiguous or not pieces.scheme else pieces


def _spellings(secret: str) -> set[str]:
    plain = unquote(secret)
    spellings = {secret, plain, quote(plain, errors="replace"), quote(plain, safe="", errors="replace")}
    return {spelling for spelling in spellings if len(spelling) >= SHORTEST_SECRET}


def _has_secret_place(address: str) -> bool:
    return any(mark in address for mark in "@?#")
