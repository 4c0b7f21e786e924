"""Extraction of the code from a module's text, identical on every Python version."""

import ast
import io
import tokenize


def code_of(text: str) -> str:
    """Return the text of a module without comments, docstrings and blank lines.

    They are cut from the text itself, because `ast.dump` and `ast.unparse` differ between Python versions.

    Raises:
        SyntaxError: The text is not valid Python.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    for node in reversed(list(_docstrings("\n".join(lines)))):
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        before = lines[first].encode()[: node.col_offset].decode()  # columns of a syntax tree count bytes
        after = lines[last].encode()[node.end_col_offset :].decode()
        lines[first : last + 1] = [before + after]
    for row, column in _comments("\n".join(lines)):
        lines[row] = lines[row][:column]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _docstrings(text: str) -> list[ast.Constant]:
    """Return every string that is a statement of its own, in the order of the text."""
    strings = [
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    return sorted(strings, key=lambda constant: constant.lineno)


def _comments(text: str) -> list[tuple[int, int]]:
    """Return line (from 0) and column of each comment."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [(token.start[0] - 1, token.start[1]) for token in tokens if token.type == tokenize.COMMENT]
