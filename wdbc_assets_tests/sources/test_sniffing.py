"""What is plainly no table is named; whatever may be one passes."""

import pytest

from wdbc_assets.sources import sniffing
from wdbc_assets_tests.misbehaving_server import TABLE


def named(content: bytes) -> str:
    instead = sniffing.other_format(content)
    assert instead is not None
    assert instead.hint
    return instead.name


@pytest.mark.parametrize(
    "content",
    [TABLE, b"\xef\xbb\xbf" + TABLE, b"id,diagnosis\n1,M\n", b'"id","diagnosis"\n', b"\r\n" + TABLE, b"# a note\n"],
    ids=["headerless", "byte order mark", "header", "quoted header", "blank line first", "a note"],
)
def test_what_may_be_a_table_passes(content: bytes) -> None:
    assert sniffing.other_format(content) is None


@pytest.mark.fault("S05")
@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "empty content"),
        (b" \r\n\t\n", "blank content"),
        (b"\n<!DOCTYPE html><title>Sign in</title>", 'an HTML page titled "Sign in"'),
        (b"\xef\xbb\xbf<HTML lang=en><TITLE id=t>\n Sign\n in </TITLE>", 'an HTML page titled "Sign in"'),
        (b"<html><body>Sorry</body></html>", "an HTML page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "a document in HTML or XML"),
        (b'{"error": "not found"}', "a JSON document"),
        (b" [1, 2]", "a JSON document"),
        (b"\x1f\x8b\x08\x00", "a gzip archive"),
        (b"PK\x03\x04", "a zip archive"),
        (b"%PDF-1.7", "a PDF document"),
    ],
)
def test_what_is_no_table_is_named(content: bytes, name: str) -> None:
    assert named(content) == name


@pytest.mark.fault("X02")
def test_no_number_of_a_title_is_shown_for_it_may_be_a_patients() -> None:
    page = b"<html><title>Patient 842517, radius 17.99</title></html>"
    assert named(page) == 'an HTML page titled "Patient #, radius #.#"'


@pytest.mark.fault("S05")
def test_a_title_is_shown_as_one_short_line_without_markup() -> None:
    page = b"<html><title>\x1b[31mred\x00\n\xe2\x80\xae" + b"a" * 500 + b"<script>x</script></title>"
    title = named(page)
    assert title.startswith('an HTML page titled "[#mred aaaa')
    assert title.endswith('aaa..."')
    assert title.isprintable()
    assert len(title) < 110
