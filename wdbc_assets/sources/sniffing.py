"""Telling what came instead of a table, and writing what others wrote as it may stand in a message.

By which signs it is known stands in `domain.formats`; whether a table is the right one is judged in `domain`.
"""

import re

from wdbc_assets.domain.data import file_formats
from wdbc_assets.domain.data.file_formats import Format

LONGEST_SHOWN = 80

_NUMBER = re.compile(r"\d+")
_TITLE = re.compile(rb"<title[^>]*>([^<]+)", re.IGNORECASE)


def what_came_instead(content: bytes) -> Format | None:
    """Return what `content` is, such as 'an HTML page titled "Sign in"'; None if it may be a table."""
    if not content or content.isspace():
        what = "empty" if not content else "blank"
        return Format(f"nothing: the content is {what}", "Open the source and look: it may have moved.")
    kind = file_formats.recognise(content)
    return Format(_titled(content), kind.hint) if kind == file_formats.HTML else kind


def plain(text: str) -> str:
    """`text` from outside as it may stand in a message: one line of printable characters without < and >, cut short."""
    text = " ".join("".join(c if c.isprintable() and c not in "<>" else " " for c in text).split())
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def _titled(page: bytes) -> str:
    title = _TITLE.search(page[: file_formats.START_BYTES])
    if title is None:
        return file_formats.HTML.name
    # A page on a patient may have the patient's number in its title.
    words = _NUMBER.sub("#", title[1].decode("utf-8", "replace"))
    return f'{file_formats.HTML.name} titled "{plain(words)}"'
