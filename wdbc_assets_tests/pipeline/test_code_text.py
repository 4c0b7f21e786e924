"""What of a module's text counts as code. The workflow runs this on every Python that is promised."""

import io
import tokenize
from collections.abc import Iterator

import pytest

from wdbc_assets import settings
from wdbc_assets.pipeline import code_text

MODULE = '''"""A docstring
over two lines."""

LIMIT = 3  # comment
"""What the constant means."""


class Shape:
    """\u00e4: a docstring."""

    def area(self) -> str:
        """Only a docstring, then code."""; x = "# no comment"
        return f"{x!r:#>3}"  # ends
'''
CODE = '''LIMIT = 3
class Shape:
    def area(self) -> str:
        ; x = "# no comment"
        return f"{x!r:#>3}"'''


def test_code_is_what_is_left_without_docstrings_comments_and_blank_lines() -> None:
    assert code_text.code_of(MODULE) == CODE
    assert code_text.code_of(MODULE.replace("\n", "\r\n")) == CODE


@pytest.mark.parametrize("text", ["x = 1\n", 'x = "a"\n', "x = 2; y = 3\n"])
def test_a_changed_token_is_a_change(text: str) -> None:
    assert code_text.code_of(text) != code_text.code_of("x = 1; y = 3\n")


def by_tokenize(text: str) -> str:
    """The same, by Python's own tokens."""
    lines = text.split("\n")
    for (first, start), (last, end) in sorted(not_code(text), reverse=True):
        lines[first - 1 : last] = [lines[first - 1][:start] + lines[last - 1][end:]]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def not_code(text: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    between = {tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT}
    starts, docstring = True, None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start, token.end
        if token.type in between:
            continue
        ends = token.type == tokenize.NEWLINE or token.string == ";"
        if ends and docstring:
            yield docstring.start, docstring.end
        docstring = token if starts and token.type == tokenize.STRING else None
        starts = ends


def test_every_module_of_the_project_is_read_as_by_tokenize() -> None:
    modules = sorted((settings.project_root() / "wdbc_assets").rglob("*.py"))
    assert len(modules) > 100
    for module in modules:
        text = module.read_text(encoding="utf-8")
        assert code_text.code_of(text) == by_tokenize(text), module


@pytest.mark.parametrize(
    "text",
    [
        'def f():\n    r"""Raw."""\n    return 1\n',
        'x = (\n    "a"\n    "b"\n)\n',
        'x = \\\n    "a"\n',
        "x = '#'  # comment\ny = \"'\"  # '\n",
        'x = """a\n# no comment\n"""\n',
        'f = lambda: "a"\n',
        'x: "int"\n',
        '"""a""" + """b"""\n',
        "x = {\n    # comment (\n    'a': 1,\n}\n'Doc.'\n",
        'x = "\\""  # comment\n',
    ],
)
def test_what_looks_like_a_docstring_or_a_comment_is_read_as_by_tokenize(text: str) -> None:
    assert code_text.code_of(text) == by_tokenize(text)
