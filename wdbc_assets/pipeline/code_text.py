"""Extraction of the code from a module's text, identical on every Python version and fast enough for every command."""

import re
from collections.abc import Iterator
from functools import cache

# Comments, strings and brackets: what decides whether a string is a statement of its own. Strings as in Python 3.11,
# where an f-string contains no quote of its own kind.
_TOKENS = re.compile(
    r"""
    (?P<comment> \#[^\n]* )
  | (?P<string>
        \"{3} [^"\\]* (?: (?: \\. | "(?!"") ) [^"\\]* )* \"{3}
      | '{3} [^'\\]* (?: (?: \\. | '(?!'') ) [^'\\]* )* '{3}
      | " [^"\\\n]* (?: \\. [^"\\\n]* )* "
      | ' [^'\\\n]* (?: \\. [^'\\\n]* )* ' )
  | (?P<bracket> [(\[{)\]}] )
    """,
    re.VERBOSE | re.DOTALL,
)
_ENDS = re.compile(r"[ \t]*(?:\Z|[\n;#])")


@cache
def code_of(text: str) -> str:
    """Return the text of a module without comments, docstrings and blank lines.

    They are cut from the text itself, because `ast.dump` and `ast.unparse` differ between Python versions. `tokenize`
    would take five times as long, in each command.
    """
    text = text.replace("\r\n", "\n")
    kept, position = [], 0
    for first, last in _not_code(text):
        kept.append(text[position:first])
        position = last
    lines = "".join([*kept, text[position:]]).split("\n")
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _not_code(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each comment, and each string that is a statement of its own, begins and ends."""
    depth = 0
    for token in _TOKENS.finditer(text):
        first, last = token.span()
        if token.lastgroup == "bracket":
            depth += 1 if token[0] in "([{" else -1
        elif token.lastgroup == "comment":
            yield first, last
        elif depth == 0 and _ENDS.match(text, last):
            if text[:first].endswith("r"):  # a raw string
                first -= 1
            if _starts(text, first):
                yield first, last


def _starts(text: str, position: int) -> bool:
    """Return whether a statement can start at a position."""
    newline = text.rfind("\n", 0, position)
    before = text[newline + 1 : position].strip()
    return before.endswith(";") or (not before and text[max(newline - 1, 0) : newline] != "\\")
