"""Text that others wrote: nothing in it steers a terminal, and no secret of an address in it is shown."""

import pytest

from wdbc_assets import safe_text


@pytest.mark.fault("X15")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Müller ± 3 €, 乳癌", "Müller ± 3 €, 乳癌"),
        ("red \x1b[31m, title \x1b]0;x\x07", r"red \x1b[31m, title \x1b]0;x\x07"),
        ("one\ntwo\r\nthree\v\f", r"one\ntwo\r\nthree\x0b\x0c"),
        ("C1 \x9b31m\x85 and DEL\x7f", r"C1 \x9b31m\x85 and DEL\x7f"),
        ("line\u2028paragraph\u2029", r"line\u2028paragraph\u2029"),
        ("turned \u202eround\u2066\u200f", r"turned \u202eround\u2066\u200f"),
        ("unseen \u200b\ufeff\u00ad\U000e0041", r"unseen \u200b\ufeff\xad\U000e0041"),
        ("half \ud800 of a pair", r"half \ud800 of a pair"),
        ("a file's byte \udcff", r"a file's byte \udcff"),
    ],
)
def test_what_cannot_be_seen_or_steers_a_terminal_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert safe_text.printable(text) == shown
    assert safe_text.printable(text).isprintable()
