"""CSV in pieces: wherever a block ends, the same rows come out, with the numbers of their lines."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wdbc_assets.domain import contract, layouts, reading
from wdbc_assets.scoring import texts
from wdbc_assets.scoring.chunks import Chunk
from wdbc_assets_tests import builders

PATIENT = builders.csv(builders.patient()).decode().rstrip("\n").split(",")
ENDS = st.sampled_from(["\n", "\r\n"])
CELLS = st.sampled_from(
    ["1.5", "+1.5", "1.", ".5", "1e3", "1E-3", "-0", "1e999", "", " ", "1,5", " 1", "1 ", "\t1", "nan", "inf", "0x1p3",
     "1_0", "\u0661", '"1.5"', '"', '1"5', "7\r8", "=1", "B", "\0"]
)  # fmt: skip


def with_cell(place: int, text: str) -> str:
    return ",".join([*PATIENT[:place], text, *PATIENT[place + 1 :]])


LINES = st.one_of(
    st.just(",".join(PATIENT)),
    st.builds(with_cell, st.integers(0, 31), CELLS),
    st.sampled_from(["", ",", "1,B", ",".join([*PATIENT, ""]), ",".join([*PATIENT, "7"]), "," * 31, "#"]),
)


def chunks_of(content: bytes, block: int = texts._BLOCK) -> list[Chunk]:
    return list(texts.TextSource(io.BytesIO(content), block=block))


def rows_of(chunks: list[Chunk]) -> dict[int, object]:
    """Return each row by its number: id and measurements, or None for what is no row."""
    rows: dict[int, object] = {}
    for chunk in chunks:
        assert chunk.rows == len(chunk.X) + len(chunk.torn)
        for position, measured in enumerate(chunk.X):
            assert chunk.ids is not None
            assert chunk.number(position) not in rows
            rows[chunk.number(position)] = (chunk.ids[position].as_py(), repr(measured.tolist()))
        for torn in chunk.torn:
            assert torn.row not in rows
            rows[torn.row] = None  # how many cells a quotation mark leaves, Arrow counts otherwise
    return rows


@settings(deadline=None)
@given(st.lists(st.tuples(LINES, ENDS), max_size=12), st.integers(1, 700))
def test_wherever_a_block_ends_the_same_rows_come_out(lines: list[tuple[str, str]], block: int) -> None:
    content = (",".join(PATIENT) + "\n" + "".join(line + end for line, end in lines)).encode()
    whole, pieces = rows_of(chunks_of(content)), rows_of(chunks_of(content, block))
    assert pieces == whole
    assert sorted(whole) == list(range(1, 1 + content.rstrip(b"\r\n").count(b"\n") + 1))


@settings(deadline=None)
@given(st.lists(LINES, max_size=8))
def test_what_is_a_number_is_what_it_is_to_the_raw_table(lines: list[str]) -> None:
    """Each line is taken as `reading` takes it in a file of its own; what that refuses as no row is torn."""
    content = "\n".join([",".join(PATIENT), *lines, ",".join(PATIENT)]).encode()
    rows = rows_of(chunks_of(content))
    for number, line in enumerate(lines, start=2):
        if "\0" in line:  # the raw table takes no such file at all
            continue
        try:
            table = reading.read((",".join(PATIENT) + "\n" + line + "\n" + ",".join(PATIENT)).encode())
        except layouts.NotATable:
            assert rows[number] is None, line
            continue
        if len(layouts.cells(line)) > len(layouts.NAMES):  # an empty 33rd cell in one line alone
            assert rows[number] is None
            continue
        expected = table.frame.loc[2, list(contract.FEATURES)].to_numpy(dtype=np.float64)
        assert rows[number] == (layouts.cells(line)[0], repr(expected.tolist())), line


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content,
        lambda content: b"\xef\xbb\xbf" + content,
        lambda content: content.replace(b"\n", b"\r\n"),
        lambda content: content.rstrip(b"\n"),
        lambda content: content + b"\n\r\n\n",
        lambda content: content.replace(b"\n", b",\n"),
        lambda content: (",".join(layouts.NAMES) + "\n").encode() + content,
        lambda content: ('"' + '","'.join(layouts.NAMES) + '"\n').encode() + content,
        lambda content: content.replace(b"B", b'"B"'),
    ],
    ids=["as it is", "BOM", "CRLF", "no last end", "empty lines", "33rd column", "header", "quoted header", "quoted"],
)
@pytest.mark.parametrize("block", [1000, texts._BLOCK])
def test_harmless_differences_make_none(change: Callable[[bytes], bytes], block: int) -> None:
    content = builders.bundled_uci_bytes()
    chunks = chunks_of(change(content), block)
    X = np.vstack([chunk.X for chunk in chunks])
    np.testing.assert_array_equal(X, builders.published()[list(contract.FEATURES)])
    assert not any(chunk.torn for chunk in chunks)
    first = 2 if b"radius_mean" in change(content) else 1
    numbers = [chunk.number(position) for chunk in chunks for position in range(len(chunk.X))]
    assert numbers == list(range(first, first + 569))


def test_a_line_that_is_not_utf_8_costs_itself_alone() -> None:
    line = ",".join(PATIENT).encode() + b"\n"
    foreign = line.replace(b"842517", b"\xff")
    (chunk,) = chunks_of(line + foreign + line)
    assert [(torn.row, torn.found) for torn in chunk.torn] == [(2, "not UTF-8")]
    assert [chunk.number(0), chunk.number(1)] == [1, 3]


def test_the_text_of_a_cell_is_kept_for_whoever_may_see_it() -> None:
    content = builders.csv(builders.patient(), builders.patient(area_se="=1"))
    (chunk,) = chunks_of(content)
    assert chunk.text(1, "area_se") == "=1"
    assert chunk.text(0, "area_se") == "22.0"
    assert np.isnan(chunk.X[1, contract.FEATURES.index("area_se")])
