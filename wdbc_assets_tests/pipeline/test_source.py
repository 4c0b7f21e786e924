"""What of a module's text counts as code. The workflow runs this on every Python that is promised."""

import pytest

from wdbc_assets.pipeline import source

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
    assert source.code_of(MODULE) == CODE
    assert source.code_of(MODULE.replace("\n", "\r\n")) == CODE


@pytest.mark.parametrize("text", ["x = 1\n", 'x = "a"\n', "x = 2; y = 3\n"])
def test_a_changed_token_is_a_change(text: str) -> None:
    assert source.code_of(text) != source.code_of("x = 1; y = 3\n")
