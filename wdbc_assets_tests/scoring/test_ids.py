"""Ids of every Parquet type: converted to numbers or text, or rejected with column and type."""

import decimal
import io
import uuid
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.scoring import writers
from wdbc_assets.scoring.parquet_reader import ParquetSource
from wdbc_assets_tests import builders

NUMBER = uuid.UUID("12345678-1234-5678-1234-567812345678")


def given_back(ids: pa.Array) -> list[object]:
    """Return ids read from a Parquet file with one patient for each."""
    row = builders.patient()
    columns = {name: pa.array([row[name]] * len(ids)) for name in contract.FEATURES}
    file = io.BytesIO()
    pq.write_table(pa.table({"id": ids, **columns}), file)
    source = ParquetSource(io.BytesIO(file.getvalue()))
    (batch,) = source
    assert batch.ids is not None
    assert batch.ids.type == source.id_type
    values: list[object] = batch.ids.to_pylist()
    return values


@pytest.mark.fault("D18")
@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (pa.array([7, None]), [7, None]),
        (pa.array([2**64 - 1], pa.uint64()), [2**64 - 1]),
        (pa.array([842302.0, 1.5]), [842302.0, 1.5]),
        (pa.array([1.5], pa.float16()), ["1.5"]),
        (pa.array(["007", " 7", "", None]), ["007", " 7", "", None]),
        (pa.array(["7"], pa.large_string()), ["7"]),
        (
            pa.array(["7", "a text longer than twelve bytes"], pa.string_view()),
            ["7", "a text longer than twelve bytes"],
        ),
        (pa.array([b"7", None], pa.binary()), ["7", None]),
        (pa.array([b"7"], pa.large_binary()), ["7"]),
        (pa.array([b"7"], pa.binary_view()), ["7"]),
        (pa.array([b"abc"], pa.binary(3)), ["abc"]),
        (pa.array(["a", "b", None]).dictionary_encode(), ["a", "b", None]),
        (pa.array([b"a"]).dictionary_encode(), ["a"]),
        (pa.array([decimal.Decimal(842302)]), ["842302"]),
        (pa.array([decimal.Decimal("8.50")], pa.decimal256(50, 2)), ["8.50"]),
        (pa.ExtensionArray.from_storage(pa.uuid(), pa.array([NUMBER.bytes, None], pa.binary(16))), [str(NUMBER), None]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_ids_are_returned_as_numbers_or_text(ids: pa.Array, expected: list[object]) -> None:
    assert given_back(ids) == expected


@pytest.mark.fault("D18")
@pytest.mark.parametrize(
    "ids",
    [
        pa.array([True]),
        pa.nulls(1),
        pa.array([datetime(2026, 1, 1, tzinfo=UTC)]),
        pa.array([datetime(2026, 1, 1, tzinfo=UTC).date()]),
        pa.array([[1]]),
        pa.array([{"a": 1}]),
        pa.array([NUMBER.bytes[:-1] + b"\xff"], pa.binary(16)),
        pa.array([b"\xff"]),
        pa.array([b"\xff"], pa.binary_view()),
        pa.array([b"\xff"]).dictionary_encode(),
        pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")]),
    ],
    ids=lambda value: str(value.type),
)
def test_ids_that_are_neither_text_nor_numbers_are_rejected_with_their_type(ids: pa.Array) -> None:
    with pytest.raises(WdbcError) as refused:
        given_back(ids)
    kind = str(ids.type).partition("<")[0]  # the name of list items differs
    assert refused.value.what.startswith(f"the ids have the type {kind}")
    assert refused.value.where.startswith("column id")
    assert "\\xff" not in str(refused.value)


def as_csv(ids: list[str]) -> bytes:
    schema = pa.schema([("id", pa.string()), ("probability", pa.float64())])
    sink = io.BytesIO()
    written = writers.CsvScored(sink, schema)
    written.write(pa.RecordBatch.from_arrays([pa.array(ids), pa.array([0.5] * len(ids))], schema=schema))
    return sink.getvalue()


@pytest.mark.fault("X05")
@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary(4), pa.binary_view(), pa.string_view()])
def test_binary_ids_that_look_like_formulas_are_escaped(kind: pa.DataType) -> None:
    ids = [str(one) for one in given_back(pa.array([b"=1+1", b"@1+1", b"\t1+1"]).cast(pa.binary(4)).cast(kind))]
    frame = pd.read_csv(io.BytesIO(as_csv(ids)), dtype=str)
    assert frame["id"].tolist() == ["'=1+1", "'@1+1", "'\t1+1"]


@pytest.mark.fault("X05")
@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_no_id_starts_a_formula_whatever_the_separator(begin: str) -> None:
    assert as_csv([f"{begin}1"]).startswith(b"id,probability\n")
    assert f"'{begin}1".encode() in as_csv([f"{begin}1"])
    assert f'"x;{begin}1"'.encode() in as_csv([f"x;{begin}1"])


@pytest.mark.fault("D18")
@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(st.sampled_from('ab,";\n\r\t= 0\u00e9'), max_size=5), min_size=1, max_size=5))
def test_a_csv_reader_parses_the_id_that_was_written(ids: list[str]) -> None:
    import csv

    rows = list(csv.reader(io.StringIO(as_csv(ids).decode(), newline="")))[1:]
    assert [row[0].removeprefix("'") for row in rows] == ids
