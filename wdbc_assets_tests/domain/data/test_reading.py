"""The harmless forms of the file all give one frame; no text is taken for a number that is not plainly one."""

import os
import random
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from wdbc_assets.domain.data import contract, csv_layouts, reading
from wdbc_assets.domain.data.failures import Failure
from wdbc_assets_tests import builders

REAL_FILE = os.environ.get("WDBC_REAL_FILE", "")  # read here, for each test has an environment of its own
PUBLISHED = builders.bundled_uci_bytes()
HEADER = ",".join(csv_layouts.NAMES)
KAGGLE = ",".join(f'"{name}"' for name in csv_layouts.NAMES).replace("concave_points", "concave points")


def under(header: str, rows: bytes = PUBLISHED) -> bytes:
    return header.encode() + b"\n" + rows


def reordered(seed: int) -> bytes:
    order = random.Random(seed).sample(range(len(csv_layouts.NAMES)), len(csv_layouts.NAMES))
    lines = [HEADER, *PUBLISHED.decode().splitlines()]
    return "".join(",".join(line.split(",")[place] for place in order) + "\n" for line in lines).encode()


SAME = {
    "UCI's form": PUBLISHED,
    "a byte order mark": b"\xef\xbb\xbf" + PUBLISHED,
    "CRLF": PUBLISHED.replace(b"\n", b"\r\n"),
    "no last line end": PUBLISHED.rstrip(b"\n"),
    "empty lines at the end": PUBLISHED + b"\n\r\n\n",
    "a header": under(HEADER),
    "a header, a byte order mark and CRLF": b"\xef\xbb\xbf" + under(HEADER).replace(b"\n", b"\r\n"),
    "a header in another order": reordered(1),
    "a header in capitals with blanks": under(HEADER.upper().replace(",", " , ").replace("_", " ")),
    "Kaggle's header with an empty last name": under(KAGGLE + ","),
    "Kaggle's copy with an empty last column": under(KAGGLE + ",", PUBLISHED.replace(b"\n", b",\n")),
    "Kaggle's copy as pandas writes it back": under(KAGGLE + ",Unnamed: 32", PUBLISHED.replace(b"\n", b",\n")),
    "an empty last column without a header": PUBLISHED.replace(b"\n", b",\n"),
    "Kaggle's copy in another order": b"".join(line + b",\n" for line in reordered(2).splitlines()),
    "every cell in quotation marks": b"".join(
        b",".join(b'"%s"' % cell for cell in line.split(b",")) + b"\n" for line in PUBLISHED.splitlines()
    ),
}


@pytest.mark.fault("D03")
@pytest.mark.fault("D04")
@pytest.mark.parametrize("content", SAME.values(), ids=SAME)
def test_harmless_differences_give_the_same_frame(content: bytes) -> None:
    table = reading.read(content)

    assert table.unreadable == ()
    assert_frame_equal(table.frame.reset_index(drop=True), builders.published().reset_index(drop=True))


def test_rows_are_named_by_their_line_in_the_file() -> None:
    assert reading.read(PUBLISHED).frame.index.equals(pd.RangeIndex(1, 570, name="line"))
    assert reading.read(under(HEADER)).frame.index.equals(pd.RangeIndex(2, 571, name="line"))


def test_values_are_those_that_python_reads() -> None:
    cells = [line.split(",") for line in PUBLISHED.decode().splitlines()]

    frame = reading.read(PUBLISHED).frame

    assert frame[contract.ID].tolist() == [int(row[0]) for row in cells]
    assert frame[contract.DIAGNOSIS].tolist() == [row[1] for row in cells]
    assert frame[list(contract.FEATURES)].to_numpy().tolist() == [[float(cell) for cell in row[2:]] for row in cells]


NO_NUMBERS = {
    "a blank cell": "",
    "a space": " ",
    "a space before the number": " 17.99",
    "a space after the number": "17.99 ",
    "nan": "nan",
    "NA": "NA",
    "a question mark": "?",
    "inf": "inf",
    "Infinity": "-Infinity",
    "overflow": "1e999",
    "text": "large",
    "hexadecimal": "0x11",
    "a hexadecimal float": "0x1.1p4",
    "an underscore": "1_7.99",
    "a formula": "=17+0.99",
    "a decimal comma in quotation marks": '"17,99"',
    "a thousands separator in quotation marks": '"1,001"',
    "a unit behind the number": "17.99px",
    "two points": "17.9.9",
    "two signs": "--17.99",
    "half an exponent": "17.99e",
    "a point alone": ".",
    "full-width digits": "\uff11\uff17",
    "Arabic digits": "\u0661\u0667",
    "a no-break space": "17.99\u00a0",
    "a percent sign": "17.99%",
}


@pytest.mark.fault("D06")
@pytest.mark.parametrize("text", NO_NUMBERS.values(), ids=NO_NUMBERS)
def test_a_cell_that_is_no_number_is_kept_missing_with_its_text(text: str) -> None:
    table = reading.read(builders.published_with((17, "radius_mean", text)))

    assert table.unreadable == (Failure(17, "radius_mean", csv_layouts.shown(text.strip('"'))),)
    assert table.frame.isna().sum().sum() == 1
    assert table.frame["radius_mean"].isna().tolist() == [line == 17 for line in range(1, 570)]


@pytest.mark.fault("D06")
def test_an_unreadable_cell_below_a_header_is_named_by_its_line() -> None:
    table = reading.read(under(HEADER, builders.published_with((17, "radius_mean", "x"))))

    assert table.unreadable == (Failure(18, "radius_mean", "'x'"),)


@pytest.mark.fault("D04")
def test_an_empty_line_in_the_middle_is_neither_skipped_nor_filled() -> None:
    lines = PUBLISHED.splitlines(keepends=True)

    with pytest.raises(reading.NotATable, match="line 3 has 1 column"):
        reading.read(b"".join([*lines[:2], b"\n", *lines[2:]]))


@pytest.mark.fault("D06")
@pytest.mark.parametrize("text", ["", "8.5e5", "842302.0", "0x1", "1_000", "ID7", "9" * 19, "9" * 5000, "1 2", "+5"])
def test_an_id_that_is_no_whole_number_is_kept_missing_with_its_text(text: str) -> None:
    table = reading.read(builders.published_with((17, "id", text)))

    assert table.unreadable == (Failure(17, "id", csv_layouts.shown(text)),)
    assert table.frame[contract.ID].isna().tolist() == [line == 17 for line in range(1, 570)]
    assert table.frame[contract.ID].dtype == "Int64"


@pytest.mark.fault("D14")
def test_only_the_first_unreadable_texts_are_kept_in_the_order_of_rows_and_columns() -> None:
    changes = [(line, name, "x") for line in (30, 10, 20) for name in ("texture_se", "id", "radius_mean", "area_mean")]

    table = reading.read(builders.published_with(*changes))

    columns = ("id", "radius_mean", "area_mean", "texture_se")
    everything = [(line, name) for line in (10, 20, 30) for name in columns]
    assert [(failure.row, failure.column) for failure in table.unreadable] == everything[:10]
    assert table.frame.isna().sum().sum() == 12


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text("0123456789.+-eEMB", max_size=12),
        st.floats(allow_nan=False, allow_infinity=False).map(repr),
        st.decimals(allow_nan=False, allow_infinity=False).map(str),
    )
)
def test_the_fast_way_accepts_nothing_that_the_exact_way_refuses_and_reads_the_same(text: str) -> None:
    layout = csv_layouts.lay_out(builders.csv(builders.patient(), builders.patient(radius_mean=text)))

    fast = reading._block_by_block(layout) if layout.is_made_of(reading._PLAIN) else None

    if fast is not None:
        exact = reading._row_by_row(layout)
        assert exact.unreadable == ()
        assert_frame_equal(fast, exact.frame)
        assert fast["radius_mean"].iloc[1].hex() == float(text).hex()


@settings(max_examples=100, deadline=None)
@given(st.text("0123456789-+.eEMB", max_size=22))
def test_ids_are_read_alike_both_ways(text: str) -> None:
    layout = csv_layouts.lay_out(builders.csv(builders.patient(), builders.patient(id=text)))

    fast = reading._block_by_block(layout)

    if fast is not None:
        assert_frame_equal(fast, reading._row_by_row(layout).frame)


def test_a_faultless_file_is_read_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_row_by_row", None)

    assert len(reading.read(PUBLISHED).frame) == 569
    assert len(reading.read(under(HEADER)).frame) == 569
    assert len(reading.read(b"\xef\xbb\xbf" + under(HEADER)).frame) == 569


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_generated_table_comes_back_from_its_file(seed: int) -> None:
    table = builders.table_of(40, seed)

    assert_frame_equal(reading.read(builders.as_uci_csv(table)).frame, table)


@pytest.mark.skipif(not REAL_FILE, reason="WDBC_REAL_FILE names no copy of UCI's file")
def test_the_real_file_has_the_measurements_of_the_bundled_copy() -> None:
    real = reading.read(Path(REAL_FILE).read_bytes())

    assert real.unreadable == ()
    assert_frame_equal(real.frame.drop(columns="id"), builders.published().drop(columns="id"))
