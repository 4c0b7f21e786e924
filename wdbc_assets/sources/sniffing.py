"""Recognize content that is not a table, and sanitize foreign text for messages.

The signatures are in `domain.data.file_formats`. Whether a table is valid is for `domain` to decide.
"""

import re

from wdbc_assets.domain.data import file_formats
from wdbc_assets.domain.data.file_formats import Format

LONGEST_SHOWN = 80

_NUMBER = re.compile(r"\d+")
_TITLE = re.compile(rb"<title[^>]*>([^<]+)", re.IGNORECASE)


def other_format(content: bytes) -> Format | None:
    """Return the format of `content`, such as 'an HTML page titled "Sign in"', or None if it may be a table."""
    if not content or content.isspace():
        what = "empty" if not content else "blank"
        return Format(f"{what} content", "Open the source to check it: it may have moved.")
    kind = file_formats.recognise(content)
    return Format(_titled(content), kind.hint) if kind == file_formats.HTML else kind


def plain(text: str) -> str:
    """Return foreign `text` for a message: one line of printable characters without < and >, truncated."""
    text = " ".join("".join(c if c.isprintable() and c not in "<>" else " " for c in text).split())
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def _titled(page: bytes) -> str:
    title = _TITLE.search(page[: file_formats.START_BYTES])
    if title is None:
        return file_formats.HTML.name
    # The title of a page about a patient may contain the patient's number.
    words = _NUMBER.sub("#", title[1].decode("utf-8", "replace"))
    return f'{file_formats.HTML.name} titled "{plain(words)}"'
