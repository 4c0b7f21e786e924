"""Telling what came instead of a table, from its first bytes.

Only what is plainly something else is named here; whether a table is the right one is judged in `domain`.
"""

import re

START_BYTES = 4096
LONGEST_SHOWN = 80
MAGIC = {
    b"\x1f\x8b": "a gzip file",
    b"PK\x03\x04": "a zip file (or a spreadsheet)",
    b"%PDF": "a PDF file",
    b"PAR1": "a Parquet file",
    b"\x89PNG": "a picture",
    b"SQLite format 3": "a SQLite database",
}
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_NUMBER = re.compile(r"\d+")
_TITLE = re.compile(rb"<title[^>]*>([^<]+)", re.IGNORECASE)


def what_came_instead(content: bytes) -> str | None:
    """What `content` is, such as 'an HTML page titled "Sign in"'; None if it may be a table."""
    start = content[:START_BYTES].removeprefix(BYTE_ORDER_MARK).lstrip()
    if not start:
        return "nothing: the content is empty" if not content else "nothing: the content is blank"
    for magic, name in MAGIC.items():
        if start.startswith(magic):
            return name
    if start.startswith((b"{", b"[")):
        return "a JSON document"
    if start.startswith(b"<"):
        return _markup(start)
    return None


def plain(text: str) -> str:
    """`text` from outside as it may stand in a message: one line of printable characters without < and >, cut short."""
    text = " ".join("".join(c if c.isprintable() and c not in "<>" else " " for c in text).split())
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def _markup(start: bytes) -> str:
    if b"<html" not in start.lower() and not start.lower().startswith(b"<!doctype html"):
        return "a document in HTML or XML"
    title = _TITLE.search(start)
    if title is None:
        return "an HTML page"
    # A page on a patient may have the patient's number in its title.
    words = _NUMBER.sub("#", title[1].decode("utf-8", "replace"))
    return f'an HTML page titled "{plain(words)}"'
