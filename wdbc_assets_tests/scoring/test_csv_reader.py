"""The CSV reader: block boundaries change neither rows nor line numbers."""

import csv
import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from wdbc_assets.domain.data import contract, csv_layouts, reading
from wdbc_assets.scoring import csv_reader
from wdbc_assets.scoring.batches import Batch
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


def chunks_of(content: bytes, block: int = csv_reader._BLOCK) -> list[Batch]:
    return list(csv_reader.CsvSource(io.BytesIO(content), block=block))


def rows_of(batches: list[Batch]) -> dict[int, object]:
    """Return id and measurements of each row by its number, or None for a malformed row."""
    rows: dict[int, object] = {}
    for batch in batches:
        assert batch.rows == len(batch.X) + len(batch.malformed)
        for position, measured in enumerate(batch.X):
            assert batch.ids is not None
            assert batch.number(position) not in rows
            rows[batch.number(position)] = (batch.ids[position].as_py(), repr(measured.tolist()))
        for row in batch.malformed:
            assert row.row not in rows
            rows[row.row] = None  # Arrow counts the cells around a misplaced quote differently
    return rows


@settings(deadline=None)
@given(st.lists(st.tuples(LINES, ENDS), max_size=12), st.integers(1, 700))
def test_block_boundaries_do_not_change_the_rows(lines: list[tuple[str, str]], block: int) -> None:
    content = (",".join(PATIENT) + "\n" + "".join(line + end for line, end in lines)).encode()
    whole, pieces = rows_of(chunks_of(content)), rows_of(chunks_of(content, block))
    assert pieces == whole
    assert set(whole) <= set(range(1, 1 + content.rstrip(b"\r\n").count(b"\n") + 1))
    if '"' not in content.decode():
        assert len(whole) == content.rstrip(b"\r\n").count(b"\n") + 1


@settings(deadline=None)
@given(st.lists(LINES, max_size=8))
def test_cells_are_parsed_as_numbers_exactly_as_in_the_raw_table(lines: list[str]) -> None:
    """Each line is parsed as `reading` parses it in a file of its own; lines rejected there are malformed."""
    quoted = [line for line in lines if '"' in line]
    assume(
        len(quoted) < 2 or all(csv_layouts.cells(line) != [line] for line in quoted)
    )  # otherwise a cell may span lines
    content = "\n".join([",".join(PATIENT), *lines, ",".join(PATIENT)]).encode()
    rows = rows_of(chunks_of(content))
    for number, line in enumerate(lines, start=2):
        if "\0" in line:  # the raw table rejects such a file
            continue
        try:
            table = reading.read((",".join(PATIENT) + "\n" + line + "\n" + ",".join(PATIENT)).encode())
        except csv_layouts.NotATable:
            assert rows[number] is None, line
            continue
        expected = table.frame.loc[2, list(contract.FEATURES)].to_numpy(dtype=np.float64)
        assert rows[number] == (csv_layouts.cells(line)[0], repr(expected.tolist())), line


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content,
        lambda content: b"\xef\xbb\xbf" + content,
        lambda content: content.replace(b"\n", b"\r\n"),
        lambda content: content.rstrip(b"\n"),
        lambda content: content + b"\n\r\n\n",
        lambda content: content.replace(b"\n", b",\n"),
        lambda content: (",".join(csv_layouts.NAMES) + "\n").encode() + content,
        lambda content: ('"' + '","'.join(csv_layouts.NAMES) + '"\n').encode() + content,
        lambda content: content.replace(b"B", b'"B"'),
    ],
    ids=["as it is", "BOM", "CRLF", "no last end", "empty lines", "33rd column", "header", "quoted header", "quoted"],
)
@pytest.mark.parametrize("block", [1000, csv_reader._BLOCK])
def test_harmless_format_differences_change_nothing(change: Callable[[bytes], bytes], block: int) -> None:
    content = builders.bundled_uci_bytes()
    batches = chunks_of(change(content), block)
    X = np.vstack([batch.X for batch in batches])
    np.testing.assert_array_equal(X, builders.published()[list(contract.FEATURES)])
    assert not any(batch.malformed for batch in batches)
    first = 2 if b"radius_mean" in change(content) else 1
    numbers = [batch.number(position) for batch in batches for position in range(len(batch.X))]
    assert numbers == list(range(first, first + 569))


def test_a_line_that_is_not_utf_8_is_set_aside_alone() -> None:
    line = ",".join(PATIENT).encode() + b"\n"
    foreign = line.replace(b"842517", b"\xff")
    (batch,) = chunks_of(line + foreign + line)
    assert [(row.row, row.content, row.rule) for row in batch.malformed] == [(2, "not UTF-8", "row_is_utf_8_text")]
    assert [batch.number(0), batch.number(1)] == [1, 3]


def test_the_original_text_of_a_cell_is_available() -> None:
    content = builders.csv(builders.patient(), builders.patient(area_se="=1"))
    (batch,) = chunks_of(content)
    assert batch.text(1, "area_se") == "=1"
    assert batch.text(0, "area_se") == "22.0"
    assert np.isnan(batch.X[1, contract.FEATURES.index("area_se")])


# Quoted ids and misplaced quotes

TEXTS = st.text(st.sampled_from('ab=;,"\n\r 0'), max_size=6)


def table_of(ids: list[str], notes: list[str]) -> bytes:
    """Return a table written by Python's csv module, with an extra column of notes."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)  # CRLF: with LF line ends, Python 3.11 does not quote a CR
    writer.writerow(["note", *csv_layouts.NAMES])
    for name, note in zip(ids, notes, strict=True):
        writer.writerow([note, name, *PATIENT[1:]])
    return file.getvalue().encode()


@pytest.mark.fault("D18")
@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6), st.integers(1, 900))
def test_quoted_ids_are_parsed_as_by_a_csv_reader(cells: list[tuple[str, str]], block: int) -> None:
    ids, notes = [name for name, _ in cells], [note for _, note in cells]
    content = table_of(ids, notes)
    expected = [row["id"] for row in csv.DictReader(io.StringIO(content.decode(), newline=""))]
    batches = chunks_of(content, block)
    assert [name.as_py() for batch in batches for name in batch.ids or ()] == expected == ids
    assert not any(batch.malformed for batch in batches)


@pytest.mark.fault("D18")
@pytest.mark.parametrize("block", [40, 300, csv_reader._BLOCK])
@pytest.mark.parametrize(
    ("lines", "rows"),
    [
        (['"A', 'B",{}'], {1: ("A\nB", True)}),
        (['"A', "B,{}"], {1: None, 2: ("B", True)}),
        (['"A', 'B"x,{}'], {1: None, 2: None}),
        (['"A', "{}", 'B"x,{}'], {1: None, 2: None, 3: None}),
        (['B",{}'], {1: None}),
        (['"A"B,{}'], {1: None}),
        (['x"y,{}'], {1: None}),
        (['"x""y",{}', "7,{}"], {1: ('x"y', True), 2: ("7", True)}),
        (["7\r8,{}", "9,{}"], {1: None, 2: ("9", True)}),
        (["7\x008,{}", "9,{}"], {1: None, 2: ("9", True)}),
        (['"7\r8",{}'], {1: ("7\r8", True)}),
        ([" 007,{}", "007,{}", "7 ,{}"], {1: (" 007", True), 2: ("007", True), 3: ("7 ", True)}),
    ],
)
def test_part_of_a_row_is_never_taken_for_a_row(lines: list[str], rows: dict[int, object], block: int) -> None:
    rest = ",".join(PATIENT[1:])
    content = "\n".join([",".join(csv_layouts.NAMES), *lines]).replace("{}", rest).encode() + b"\n"
    found = {
        number - 1: None if row is None else (row[0], "nan" not in row[1])  # type: ignore[index]
        for number, row in rows_of(chunks_of(content, block)).items()
    }
    assert found == rows


@pytest.mark.fault("D18")
def test_an_unclosed_quote_costs_only_its_line_and_no_time() -> None:
    line = ",".join(PATIENT).encode() + b"\n"
    (first, *_) = batches = chunks_of(line + b'"' + line + line * 9_000)
    assert [row.row for batch in batches for row in batch.malformed] == [2]
    assert sum(batch.rows for batch in batches) == 9_002
    assert first.number(1) == 3
    many = chunks_of(line + b'5",x,"a\n' * 50_000)
    assert sum(len(batch.malformed) for batch in many) == 50_000


@pytest.mark.fault("D15")
def test_a_file_of_empty_lines_is_read_in_small_batches() -> None:
    line = ",".join(PATIENT).encode() + b"\n"
    batches = chunks_of(line + b"\n" * 300_000 + line)
    assert sum(len(batch.X) for batch in batches) == 2
    assert sum(len(batch.malformed) for batch in batches) == 300_000
    assert max(batch.rows for batch in batches) <= csv_reader._MAX_LINES


# Headers, in training and in scoring

WORDS = {"mean": "mean {}", "se": "{} error", "worst": "worst {}"}
SKLEARN = [WORDS[of].format(one.name.replace("_", " ")) for of in contract.STATISTICS for one in contract.MEASUREMENTS]
UCI = [f"{one.name}{digit}" for digit in "123" for one in contract.MEASUREMENTS]
KAGGLE = [f'"{name}"'.replace("concave_", "concave ") for name in csv_layouts.NAMES]
ROWS = builders.bundled_uci_bytes()
FORMS = {
    "UCI without a header": ROWS,
    "UCI's names": ",".join(["ID", "Diagnosis", *UCI]).encode() + b"\n" + ROWS,
    "scikit-learn's names": ",".join(["id", "diagnosis", *SKLEARN]).encode() + b"\n" + ROWS,
    "R's form of them": ",".join(["id", "diagnosis", *SKLEARN]).replace(" ", ".").encode() + b"\n" + ROWS,
    "Kaggle, header ending in a comma": ",".join([*KAGGLE, ""]).encode() + b"\n" + ROWS,
    "Kaggle, rows ending in a comma": ",".join(KAGGLE).encode() + b"\n" + ROWS.replace(b"\n", b",\n"),
    "Kaggle, both": ",".join([*KAGGLE, ""]).encode() + b"\n" + ROWS.replace(b"\n", b",\n"),
    "Kaggle as pandas writes it": ",".join([*KAGGLE, "Unnamed: 32"]).encode() + b"\n" + ROWS.replace(b"\n", b",\n"),
    "some rows ending in a comma": ROWS.replace(b"\n", b",\n", 300),
    "row names of R": b'"",'
    + ",".join(KAGGLE).encode()
    + b"\n"
    + b"".join(b'"7",' + row for row in ROWS.splitlines(True)),
    "index of pandas": b"Unnamed: 0,"
    + ",".join(KAGGLE).encode()
    + b"\n"
    + b"".join(b"7," + row for row in ROWS.splitlines(True)),
    "labels in quotation marks": ROWS.replace(b",M,", b',"M",').replace(b",B,", b',"B",'),
}


@pytest.mark.fault("D17")
@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
def test_training_and_scoring_read_the_same_values(content: bytes) -> None:
    frame, batches = reading.read(content).frame, chunks_of(content)
    np.testing.assert_array_equal(frame[list(contract.FEATURES)], builders.published()[list(contract.FEATURES)])
    np.testing.assert_array_equal(np.vstack([batch.X for batch in batches]), frame[list(contract.FEATURES)])
    ids = [int(name.as_py()) for batch in batches for name in batch.ids or ()]
    assert ids == frame[contract.ID].tolist()
    assert not any(batch.malformed for batch in batches)


@pytest.mark.fault("D17")
@pytest.mark.parametrize("line", [7, 20_000])
def test_a_value_after_the_last_named_column_is_a_shift_and_never_scored(line: int) -> None:
    rows = (",".join(PATIENT) + ",\n") * (line - 1) + ",".join(PATIENT) + ",7\n" + (",".join(PATIENT) + ",\n")
    content = (",".join([*csv_layouts.NAMES, ""]) + "\n" + rows).encode()
    assert [row.row for batch in chunks_of(content) for row in batch.malformed] == [line + 1]
    with pytest.raises(csv_layouts.NotATable, match="a value stands behind the last named column of 1 lines"):
        reading.read(content)


@pytest.mark.fault("D19")
def test_unknown_columns_are_ignored_anywhere_or_rejected_if_strict() -> None:
    header = ",".join(["site", *csv_layouts.NAMES, "age"])
    rows = "".join(f'"a, b",{",".join(PATIENT)},\xff\n' for _ in range(3))
    content = (header + "\n" + rows).encode("latin-1")
    source = csv_reader.CsvSource(io.BytesIO(content))
    assert source.header.unknown == ("site", "age")
    (batch,) = source
    assert (len(batch.X), batch.malformed) == (3, ())
    with pytest.raises(csv_layouts.NotATable, match="has 2 unknown names: 'site', 'age'"):
        csv_reader.CsvSource(io.BytesIO(content), strict=True)
    with pytest.raises(csv_layouts.NotATable, match="has 2 unknown names: 'site', 'age'"):
        reading.read(content.replace(b"\xff", b""))


@pytest.mark.fault("D17")
def test_scikit_learns_target_is_never_taken_for_the_diagnosis() -> None:
    content = (",".join([*SKLEARN, "target"]) + "\n" + ",".join([*PATIENT[2:], "0"]) + "\n").encode()
    assert csv_reader.CsvSource(io.BytesIO(content)).header.unknown == ("target",)
    with pytest.raises(csv_layouts.NotATable) as refused:
        reading.read(content)
    assert "0 is malignant" in refused.value.hint


@pytest.mark.parametrize("content", [b"", b"\n \n", b"1,\0,2\n"])
def test_the_hint_for_patients_to_score_asks_for_no_diagnosis(content: bytes) -> None:
    with pytest.raises(csv_layouts.NotATable) as refused:
        chunks_of(content)
    assert refused.value.hint.startswith("Give a CSV whose first line names the 30 measurements, in any order.")
    assert "wdbc.data" not in refused.value.hint
