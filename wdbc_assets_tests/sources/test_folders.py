"""A folder of tables and a Parquet file as sources, on a disk."""

import gzip
import io
import json
import os
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wdbc_assets import sources
from wdbc_assets.domain.data import csv_layouts, reading
from wdbc_assets.pipeline import validation
from wdbc_assets.sources import Origin, SourceRefused, SourceUnavailable, file_digests, files
from wdbc_assets.sources.origin import with_files
from wdbc_assets_tests import builders
from wdbc_assets_tests.builders import csv, patient
from wdbc_assets_tests.sources.builders import Fetching, short


def parquet(frame: pd.DataFrame, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), sink, **options)
    return sink.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The published patients in three files, of three formats."""
    made = tmp_path / "tables"
    made.mkdir()
    table = builders.published()
    (made / "b.csv").write_bytes(b",".join(name.upper().encode() for name in csv_layouts.NAMES) + b"\r\n"
                                 + builders.as_uci_csv(table[200:300]).replace(b"\n", b"\r\n"))  # fmt: skip
    (made / "a.csv.gz").write_bytes(gzip.compress(builders.as_uci_csv(table[:200])))
    (made / "c.parquet").write_bytes(parquet(table[300:], row_group_size=50))
    for name in ("_SUCCESS", ".hidden", "d.csv.tmp", ".c.parquet.crc"):
        (made / name).write_text("no table")
    return made


def test_the_files_of_a_folder_are_one_table_in_the_order_of_their_names(folder: Path, fetch: Fetching) -> None:
    found = fetch(str(folder))
    assert reading.read(found.content).frame.equals(builders.published())
    assert found.origin.files == (("a.csv.gz", 200), ("b.csv", 100), ("c.parquet", 269))
    assert Origin.from_json(json.loads(json.dumps(found.origin.to_json()))) == found.origin


def test_a_parquet_file_is_a_table(tmp_path: Path, fetch: Fetching) -> None:
    path = tmp_path / "wdbc.parquet"
    path.write_bytes(parquet(builders.published()[list(csv_layouts.NAMES)[::-1]]))
    assert reading.read(fetch(str(path)).content).frame.equals(builders.published())


@pytest.mark.fault("S11")
def test_a_folder_is_read_again_if_any_file_changes_appears_or_goes(folder: Path, fetch: Fetching) -> None:
    known = fetch(str(folder)).origin
    assert fetch(str(folder), known=known) is None
    (folder / ".b.csv.tmp").write_text("being written")
    assert fetch(str(folder), known=known) is None
    (folder / "d.csv").write_bytes(csv(patient(id=7)))
    assert len(fetch(str(folder), known=known).content.splitlines()) == 570
    (folder / "d.csv").unlink()
    assert sources.parse(str(folder)).fingerprint(known) == known.sha256
    path = folder / "b.csv"
    path.write_bytes(path.read_bytes().replace(b",B,", b",M,", 1))
    assert sources.parse(str(folder)).fingerprint(known) != known.sha256


@pytest.mark.fault("S11")
def test_a_look_reads_only_what_may_have_changed(
    folder: Path, fetch: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    reading = files.read

    def counted(path: Path, *, largest_bytes: int) -> bytes:
        read.append(path.name)
        return reading(path, largest_bytes=largest_bytes)

    monkeypatch.setattr(files, "read", counted)
    source = sources.parse(str(folder))
    known = fetch(str(folder)).origin
    read.clear()
    assert source.fingerprint(known) == known.sha256
    assert sorted(read) == ["a.csv.gz", "b.csv", "c.parquet"], "a change in the same tick of the clock would be missed"
    monkeypatch.setattr(file_digests, "_SETTLED_NS", 0)
    source.fingerprint(known)
    read.clear()
    assert source.fingerprint(known) == known.sha256
    assert read == []
    path = folder / "b.csv"
    times = path.stat()
    path.write_bytes(path.read_bytes().replace(b",B,", b",M,", 1))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert path.stat().st_size == times.st_size
    assert source.fingerprint(known) != known.sha256, "the change has the size and the time of the file before it"
    assert set(read) == {"a.csv.gz", "b.csv", "c.parquet"}, "all rows are read for the digest of the table"


@pytest.mark.fault("S11")
def test_a_look_that_takes_too_long_goes_on_and_a_later_one_has_its_result(
    folder: Path, fetch: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on, begun, reading = threading.Event(), threading.Semaphore(0), files.read

    def slow(path: Path, *, largest_bytes: int) -> bytes:
        begun.release()
        assert may_go_on.wait(60)
        return reading(path, largest_bytes=largest_bytes)

    source = sources.parse(str(folder))
    expected = fetch(str(folder)).origin.sha256
    with monkeypatch.context() as patched:
        patched.setattr(files, "read", slow)
        for _ in range(2):
            with pytest.raises(SourceUnavailable, match=r"no complete response within 0\.2 s"):
                source.fingerprint(limits=short(total_seconds=0.2))
        assert begun.acquire(timeout=0)
        assert not begun.acquire(timeout=0), "the second look waits for the first, and does not read as well"
        may_go_on.set()
        assert source.fingerprint() == expected
    (folder / "d.csv").write_bytes(csv(patient(id=7)))
    assert source.fingerprint() != expected


@pytest.mark.fault("S05")
@pytest.mark.parametrize(
    ("content", "what", "where"),
    [
        (b"1,M,2\n", "breaks off after 3 columns|every line has 3 columns", "b.csv, line 1"),
        (csv(patient(id=1)) + b"2,M,17.9\n", "the last line, line 2, breaks off after 3 columns", "b.csv, line 2"),
        (b"id,diagnosis,radius\n", "the header lacks radius_mean", "b.csv, line 1"),
        (b"", "the source is empty", "b.csv"),
        (b"<html>", "an HTML page", "b.csv"),
        (b"PAR1 and no more", "the Parquet file is damaged or truncated", "b.csv"),
        (b"\x1f\x8bno gzip", "the compressed file is truncated", "b.csv"),
        (parquet(builders.published().drop(columns="radius_se")), "the header lacks radius_se", "b.csv, line 1"),
        (parquet(builders.published().assign(area_se="x")), "the column area_se holds text", "b.csv, row 1"),
    ],
)
def test_a_file_that_is_no_such_table_is_named_with_its_row(
    folder: Path, fetch: Fetching, content: bytes, what: str, where: str
) -> None:
    (folder / "b.csv").write_bytes(content)
    with pytest.raises(SourceRefused, match=what) as raised:
        fetch(str(folder))
    assert raised.value.where == f"{folder}/{where}"
    assert raised.value.hint


@pytest.mark.fault("S15")
def test_an_empty_folder_and_a_folder_in_a_folder_are_refused(tmp_path: Path, fetch: Fetching) -> None:
    (tmp_path / "tables").mkdir()
    with pytest.raises(SourceRefused, match="the folder holds no table"):
        fetch(str(tmp_path / "tables"))
    (tmp_path / "tables" / "inner").mkdir()
    with pytest.raises(SourceRefused, match="the source is a folder, not a regular file") as raised:
        fetch(str(tmp_path / "tables"))
    assert raised.value.where == str(tmp_path / "tables" / "inner")


@pytest.mark.fault("S07")
def test_a_folder_that_is_too_large_is_refused(folder: Path, fetch: Fetching) -> None:
    with pytest.raises(SourceRefused, match="larger than 90,000 bytes"):
        fetch(str(folder), short(largest_bytes=90_000))


@pytest.mark.fault("S18")
@pytest.mark.parametrize("times", [1, 99])
def test_a_folder_that_changes_during_the_read_is_read_again(
    folder: Path, fetch: Fetching, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    original, changes = files.read, iter(range(times))

    def interrupted(path: Path, *, largest_bytes: int) -> bytes:
        content = original(path, largest_bytes=largest_bytes)
        if path.name == "c.parquet" and next(changes, None) is not None:
            (folder / "b.csv").write_bytes(csv(*(patient(id=1000 + len(list(folder.iterdir())) + times) for _ in "ab")))
            (folder / f"d{len(list(folder.iterdir()))}.csv").write_bytes(csv(patient(id=900)))
        return content

    monkeypatch.setattr(files, "read", interrupted)
    if times == 1:  # with the rows before the change in memory, and in a file
        found = fetch(str(folder), short(rows_in_memory=100))
        assert found.origin.files == (("a.csv.gz", 200), ("b.csv", 2), ("c.parquet", 269), ("d7.csv", 1))
        assert "the folder changed while it was read" in fetch.reported[0]
        return
    with pytest.raises(SourceUnavailable, match="the folder changed while it was read"):
        fetch(str(folder), short(total_seconds=60))


def test_a_broken_rule_names_the_file_and_the_row(folder: Path, fetch: Fetching) -> None:
    rows = builders.published()[300:]
    rows.loc[rows.index[42], "radius_mean"] = -1.0
    (folder / "c.parquet").write_bytes(parquet(rows))
    found = fetch(str(folder))
    refusal = validation.validate("raw_data", found.content, {}, where="raw_data").refusal
    assert refusal is not None
    assert "nothing_is_negative: 1 cell, first at line 343, column radius_mean" in refusal.what
    named = with_files(refusal, found.origin.to_json())
    assert "nothing_is_negative: 1 cell, first at row 43 of c.parquet, column radius_mean" in named.what
    assert named.places.startswith("nothing_is_negative: row 43 of c.parquet, radius_mean: withheld")


def test_rows_of_no_folder_are_lines() -> None:
    error = sources.SourceError("first at line 7", places="rule: row 7, id: withheld")
    assert with_files(error, {"shown": "x", "sha256": "", "bytes": 1}).what == "first at line 7"
