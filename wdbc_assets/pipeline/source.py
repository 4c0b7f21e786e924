"""Extraction of the code from a module's text, identical on every Python version."""

import io
import tokenize
from collections.abc import Iterator
from functools import cache

_BETWEEN = {tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT}


@cache
def code_of(text: str) -> str:
    """Return the text of a module without comments, docstrings and blank lines.

    They are cut from the text itself, because `ast.dump` and `ast.unparse` differ between Python versions.

    Raises:
        SyntaxError, tokenize.TokenError: The text is not valid Python.
    """
    text = text.replace("\r\n", "\n")
    lines = text.split("\n")
    for (first, start), (last, end) in sorted(_not_code(text), reverse=True):
        lines[first - 1 : last] = [lines[first - 1][:start] + lines[last - 1][end:]]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _not_code(text: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield where each comment, and each string that is a statement of its own, begins and ends: line and column."""
    strings: list[tokenize.TokenInfo] = []
    starts = True  # whether a statement can start here
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start, token.end
        if token.type in _BETWEEN:
            continue
        if token.type == tokenize.STRING and (starts or strings):
            strings.append(token)
            starts = False
        else:
            starts = token.type == tokenize.NEWLINE or token.string == ";"
            if starts and strings:
                yield strings[0].start, strings[-1].end
            strings = []
