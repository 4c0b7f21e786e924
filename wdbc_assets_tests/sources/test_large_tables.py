"""Tables of more rows than are held in memory: their temporary file, and each kind of source that yields lines."""

import resource
import sqlite3
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wdbc_assets.domain.data import csv_layouts
from wdbc_assets.domain.data.lines import LinesFile
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.sources import SourceRefused, large_tables
from wdbc_assets_tests import builders
from wdbc_assets_tests.builders import csv, patient
from wdbc_assets_tests.sources.builders import Fetching, short

ROWS = 569
TABLE = builders.bundled_uci_bytes()
LINES = TABLE.splitlines(keepends=True)
LIMITS = short(rows_in_memory=2)


def _folder(place: Path) -> str:
    (place / "tables").mkdir()
    (place / "tables" / "a.csv").write_bytes(csv(patient(id=7), header=True))
    (place / "tables" / "b.csv").write_bytes(b"".join(LINES[1:]))
    return str(place / "tables")


def _text(place: Path) -> str:
    (place / "wdbc.data").write_bytes(TABLE)
    return str(place / "wdbc.data")


def _parquet(place: Path) -> str:
    builders.published().to_parquet(place / "wdbc.parquet", index=False)
    return str(place / "wdbc.parquet")


def _database(place: Path) -> str:
    with sqlite3.connect(place / "clinic.db") as connection:
        builders.published().to_sql("patients", connection, index=False)
    connection.close()
    return f"sqlite:///{place}/clinic.db?table=patients"


@pytest.fixture(params=[_folder, _text, _parquet, _database])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.param(tmp_path))


def test_content_and_origin_are_the_same_in_memory_and_in_a_file(address: str, fetch: Fetching) -> None:
    held, filed = fetch(address, short(rows_in_memory=ROWS)), fetch(address, short(rows_in_memory=ROWS - 1))
    assert isinstance(held.content, bytes)
    assert isinstance(filed.content, LinesFile)
    assert filed.content.rows == ROWS
    assert filed.content.read() == held.content
    assert filed.origin == held.origin
    assert "LinesFile" not in repr(filed)


def test_a_pinned_digest_is_compared(address: str, fetch: Fetching) -> None:
    limits = short(rows_in_memory=100)
    found = fetch(address, limits)
    assert fetch(address, limits, sha256=found.origin.sha256).origin == found.origin
    with pytest.raises(SourceRefused, match=f"the content has SHA-256 .*, but {'0' * 64} is pinned"):
        fetch(address, limits, sha256="0" * 64)


@pytest.mark.fault("S07")
def test_the_largest_size_holds_in_a_file_too(address: str, fetch: Fetching) -> None:
    whole = fetch(address).origin.bytes
    with pytest.raises(SourceRefused, match=f"the content is larger than {whole - 1:,} bytes") as raised:
        fetch(address, short(rows_in_memory=100, largest_bytes=whole - 1))
    assert "WDBC_LARGEST_BYTES" in raised.value.hint
    assert fetch.waits.asked == []


@pytest.mark.fault("F04")
def test_a_full_disk_is_no_fault_of_the_source(
    address: str, fetch: Fetching, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(WdbcError, match="a temporary file cannot be written: No such file") as raised:
        fetch(address, short(rows_in_memory=100))
    assert type(raised.value) is WdbcError
    assert fetch.waits.asked == []


def test_a_text_with_a_header_becomes_the_lines_of_its_rows(tmp_path: Path, fetch: Fetching) -> None:
    path = tmp_path / "wdbc.csv"
    path.write_bytes(b"\xef\xbb\xbf" + ",".join(csv_layouts.NAMES).encode() + b"\r\n" + TABLE.replace(b"\n", b"\r\n"))
    assert fetch(str(path), short(rows_in_memory=ROWS)).content == path.read_bytes()
    assert fetch(str(path), short(rows_in_memory=ROWS - 1)).content.read() == TABLE


@pytest.mark.fault("S05")
@pytest.mark.parametrize(
    ("content", "what", "where"),
    [
        (TABLE.replace(b",17.99,", b",", 1), "line 1 has 31 columns, 32 are needed", ", line 1"),
        (b"<html>\n" * ROWS, "the source is not a table but an HTML page", ""),
        (b"id,diagnosis\n" * ROWS, "the header lacks radius_mean", ", line 1"),
        (b"PAR1\n" * ROWS, "the Parquet file is damaged or truncated", ""),
    ],
)
def test_a_large_text_that_is_no_table_is_refused_with_its_place(
    tmp_path: Path, fetch: Fetching, content: bytes, what: str, where: str
) -> None:
    (tmp_path / "wdbc.csv").write_bytes(content)
    with pytest.raises(SourceRefused, match=what) as raised:
        fetch(str(tmp_path / "wdbc.csv"), short(rows_in_memory=100))
    assert raised.value.where == f"{tmp_path}/wdbc.csv{where}"


def test_the_files_of_a_folder_are_never_together_in_memory(tmp_path: Path, fetch: Fetching) -> None:
    limits, names = short(rows_in_memory=100, total_seconds=60), [f"{number:02}.csv" for number in range(40)]
    for name in names:
        (tmp_path / name).write_bytes(TABLE)
    tracemalloc.start()
    try:
        found = fetch(str(tmp_path), limits)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.origin.files == tuple((name, ROWS) for name in names)
    assert found.content.rows == len(names) * ROWS
    assert peak < len(names) * len(TABLE) * 0.75


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The temporary files that were made."""
    made: list[Any] = []
    original = tempfile.TemporaryFile

    def noted() -> Any:
        made.append(original())
        return made[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", noted)
    return made


def test_only_more_lines_than_fit_into_memory_are_in_a_file(files: list[Any]) -> None:
    assert large_tables.collect(LINES[:2], LIMITS, where="") == b"".join(LINES[:2])
    assert large_tables.collect([], LIMITS, where="") == b""
    assert files == []
    found = large_tables.collect(LINES, LIMITS, where="")
    assert isinstance(found, LinesFile)
    assert found.read() == TABLE


def test_the_rows_of_a_large_table_are_counted_while_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_tables, "_LINES_AT_ONCE", 100)
    monkeypatch.setattr(large_tables, "_BLOCKS_REPORTED", 2)
    reports: list[str] = []
    large_tables.collect(LINES, LIMITS, where="", report=reports.append)
    assert reports == [f"{rows} rows read" for rows in (202, 402, 602)]


def _number(line: bytes) -> int:
    return int(line.partition(b",")[0])


@pytest.mark.parametrize("at_once", [1, 7, 2**15])
def test_lines_are_put_in_order_through_a_file_and_those_of_one_key_stay_as_they_came(
    files: list[Any], monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(large_tables, "_RUN", 3)
    monkeypatch.setattr(large_tables, "_READ_AT_ONCE", at_once)
    lines = [b"%d,line %d\n" % (place * 7 % 5, place) for place in range(20)]
    among = [b"0,before\n", b"3,before\r,\n", b"9,before\n"]
    found = list(large_tables.in_order(iter(lines), _number, among=among))
    assert found == sorted([*among, *lines], key=_number)
    assert [file.closed for file in files] == [True]
    assert list(large_tables.in_order([], _number, among=among)) == among
    assert list(large_tables.in_order([], _number)) == []


def test_rows_are_counted_while_they_are_put_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_tables, "_RUN", 100)
    monkeypatch.setattr(large_tables, "_RUNS_REPORTED", 2)
    reports: list[str] = []
    assert len(list(large_tables.in_order(LINES, _number, report=reports.append))) == ROWS
    assert reports == [f"{rows} rows read" for rows in (200, 400, 600)]


@pytest.mark.fault("F04")
def test_a_disk_that_fills_while_lines_are_put_in_order_is_an_error_with_a_hint(files: list[Any]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(WdbcError, match="a temporary file cannot be written: File too large"):
            list(large_tables.in_order(LINES, _number))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files[0].closed


@pytest.mark.parametrize("error", [OSError(5, "of the source"), WdbcError("of the source")])
def test_an_error_of_the_source_is_passed_on_and_the_file_is_closed(files: list[Any], error: Exception) -> None:
    def failing() -> Iterator[bytes]:
        yield from LINES
        raise error

    with pytest.raises(type(error)) as raised:
        large_tables.collect(failing(), LIMITS, where="")
    assert raised.value is error
    assert files[0].closed


@pytest.mark.fault("F04")
def test_a_full_disk_is_an_error_with_a_hint_and_the_file_is_closed(files: list[Any]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(WdbcError, match="a temporary file cannot be written: File too large") as raised:
            large_tables.collect(LINES, LIMITS, where="")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert raised.value.where == tempfile.gettempdir()
    assert "TMPDIR" in raised.value.hint
    assert files[0].closed
