"""What is no table is refused, and says why; what is a table is laid out, whatever its harmless differences."""

import pytest

from wdbc_assets.domain.data import csv_layouts
from wdbc_assets_tests import builders

PUBLISHED = builders.bundled_uci_bytes()
LINES = PUBLISHED.splitlines(keepends=True)
HEADER = ",".join(csv_layouts.NAMES)
ROW = LINES[0].decode().strip()


def with_line(number: int, line: str | bytes) -> bytes:
    line = line.encode() if isinstance(line, str) else line
    return b"".join([*LINES[: number - 1], line + b"\n", *LINES[number:]])


NO_TABLES = {
    "nothing at all": (b"", "the source is empty", ""),
    "blanks and empty lines": (b"  \n\n \r\n", "the source is empty", ""),
    "a web page": (b"\n<!DOCTYPE html><html><body>404</body></html>", "the source is an HTML page", ""),
    "a web page behind a byte order mark": (b"\xef\xbb\xbf<html></html>", "the source is an HTML page", ""),
    "JSON": (b'{"error": "not found"}', "the source is a JSON document", ""),
    "a list in JSON": (b"[1, 2]", "the source is a JSON document", ""),
    "a zip archive": (b"PK\x03\x04\x14\x00", "the source is a zip archive", ""),
    "a gzip archive": (b"\x1f\x8b\x08\x00", "the source is a gzip archive", ""),
    "NUL bytes in line 3": (with_line(3, b"\0" * 40), "NUL bytes", "line 3"),
    "UTF-16 with its mark": (PUBLISHED.decode().encode("utf-16"), "text in UTF-16", ""),
    "UTF-16 without a mark": (PUBLISHED.decode().encode("utf-16-le"), "UTF-16", "line 1"),
    "Latin-1 letters in line 4": (with_line(4, b"842302,M\xe9,1"), "not UTF-8", "line 4"),
    "semicolons": (PUBLISHED.replace(b",", b";"), "separated by semicolons", "line 1"),
    "tabs": (PUBLISHED.replace(b",", b"\t"), "separated by tabs", "line 1"),
    "spaces": (PUBLISHED.replace(b",", b" "), "separated by spaces", "line 1"),
    "a header with semicolons": (HEADER.replace(",", ";").encode() + b"\n" + PUBLISHED, "by semicolons", "line 1"),
    "prose": (b"Dear colleague,\nplease find the data attached.\n", "the header lacks id", "line 1"),
    "one word": (b"hello\n", "every line has 1 column, 32 are needed", "line 1"),
    "another data set with 11 columns": (b"1000025,5,1,1,1,2,1,3,1,1,2\n" * 9, "every line has 11 columns", "line 1"),
    "a column too few in every line": (
        b"".join(line.partition(b",")[2] for line in LINES),
        "every line has 31 columns, 32 are needed",
        "line 1",
    ),
    "a column too few in line 17": (
        with_line(17, LINES[16].rpartition(b",")[0]),
        "line 17 has 31 columns, 32 are needed",
        "line 17",
    ),
    "a column too many in line 17": (with_line(17, LINES[16].strip() + b",1"), "line 17 has 33 columns", "line 17"),
    "an empty line in the middle": (with_line(17, b""), "line 17 has 1 column", "line 17"),
    "a decimal comma in line 2": (with_line(2, LINES[1].strip().replace(b".", b",", 1)), "line 2 has 33", "line 2"),
    "many ragged lines": (
        b"".join(line if number % 5 else b"1,M,2\n" for number, line in enumerate(LINES)),
        "line 1 has 3 columns, 32 are needed, and 113 more lines have too few or too many",
        "line 1",
    ),
    "a cut in the middle of the last line": (
        b"".join(LINES[:300]) + LINES[300][:80],
        "the last line, line 301, breaks off after",
        "line 301",
    ),
    "an open quotation mark": (with_line(5, LINES[4].strip().replace(b"M", b'"M')), "line 5 has 1 column", "line 5"),
    "a header without symmetry": (
        (HEADER.replace("symmetry", "beauty") + "\n").encode() + PUBLISHED,
        "the header lacks symmetry_mean, symmetry_se, symmetry_worst, has 3 unknown names",
        "line 1",
    ),
    "a header that names a column twice": (
        (HEADER.replace("texture_se", "radius_mean") + "\n").encode() + PUBLISHED,
        "the header lacks texture_se, names twice radius_mean",
        "line 1",
    ),
    "a header with a column of its own": (
        (HEADER + ",site\n").encode() + PUBLISHED.replace(b"\n", b",1\n"),
        "the header has 1 unknown name",
        "line 1",
    ),
    "a header of words that are no names": (
        ",".join(f"column {letter}" for letter in "abcdefghijklmnopqrstuvwxyzABCDEF").encode() + b"\n" + PUBLISHED,
        "the header lacks id, diagnosis, radius_mean, texture_mean, perimeter_mean and 27 more",
        "line 1",
    ),
}


@pytest.mark.fault("D01")
@pytest.mark.fault("D02")
@pytest.mark.fault("D03")
@pytest.mark.fault("D04")
@pytest.mark.parametrize(("content", "what", "where"), NO_TABLES.values(), ids=NO_TABLES)
def test_what_is_no_table_is_refused_with_its_kind_and_line(content: bytes, what: str, where: str) -> None:
    with pytest.raises(csv_layouts.NotATable) as refused:
        list(csv_layouts.lay_out(content).rows())

    assert what in refused.value.what
    assert refused.value.where == where
    assert refused.value.hint


def test_no_cell_stands_in_the_message_of_a_refusal() -> None:
    row = ",".join(f"secret{number}" for number in range(32)).encode()

    with pytest.raises(csv_layouts.NotATable) as refused:
        csv_layouts.lay_out(row)

    assert "secret" not in str(refused.value)
    assert "'secret0'" in refused.value.detail


def test_a_row_is_never_taken_for_a_header() -> None:
    layout = csv_layouts.lay_out(PUBLISHED)

    assert (layout.first_line, layout.header, len(layout)) == (1, csv_layouts.UCI, 569)


@pytest.mark.parametrize("cell", ["id", "DIAGNOSIS", " radius mean "])
def test_a_header_is_known_by_a_single_name_of_the_contract(cell: str) -> None:
    with pytest.raises(csv_layouts.NotATable, match="the header lacks"):
        csv_layouts.lay_out(f"{cell},1,2,3\n".encode())


def test_a_header_alone_is_a_table_without_rows() -> None:
    layout = csv_layouts.lay_out(HEADER.encode())

    assert len(layout) == 0
    assert list(layout.rows()) == []


def test_long_and_strange_cells_are_shown_quoted_and_cut() -> None:
    assert csv_layouts.shown(" \u0661\x07") == r"' \u0661\x07'"
    assert csv_layouts.shown("9" * 1000) == "'" + "9" * 40 + "...'"
