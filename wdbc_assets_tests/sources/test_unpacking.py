"""A packed table is the table; whatever else is in an archive is named, and no bomb is unpacked to its end."""

import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from wdbc_assets import sources
from wdbc_assets.sources import SourceRefused, limits, unpacking
from wdbc_assets_tests.misbehaving_server import TABLE
from wdbc_assets_tests.sources.builders import Fetching, short


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def read(packed: bytes, largest_bytes: int = 10**7) -> bytes:
    return unpacking.content(packed, lambda stream: limits.read_up_to(largest_bytes, stream, where=""))


def encrypted() -> bytes:
    content = bytearray(zipped(table=TABLE))
    content[6] |= 1  # of the member, and of its entry in the directory at the end
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


@pytest.mark.fault("D17")
@pytest.mark.parametrize(
    "packed",
    [
        TABLE,
        gzip.compress(TABLE, mtime=0),
        gzip.compress(TABLE[:100], mtime=0) + gzip.compress(TABLE[100:], mtime=0),
        zipped(**{"folder/wdbc.data": TABLE}),
        zipped(**{"wdbc.data": TABLE, "__MACOSX/._wdbc.data": b"x", "folder/": b"", ".DS_Store": b"x"}),
        zipped(**{"../../etc/wdbc.data": TABLE}),
    ],
    ids=["as it is", "gzip", "two parts of gzip", "zip", "zip of macOS", "zip with a path that climbs"],
)
def test_a_packed_table_is_the_table_itself(packed: bytes, tmp_path: Path, fetch: Fetching) -> None:
    assert read(packed) == TABLE
    (tmp_path / "wdbc").write_bytes(TABLE)
    (tmp_path / "packed").write_bytes(packed)
    found, plain = fetch(str(tmp_path / "packed")), fetch(str(tmp_path / "wdbc"))
    assert (found.content, found.origin.sha256) == (TABLE, plain.origin.sha256)
    assert sources.parse(str(tmp_path / "packed")).fingerprint() == found.origin.sha256


@pytest.mark.fault("D17")
@pytest.mark.parametrize(
    ("packed", "what"),
    [
        (gzip.compress(TABLE, mtime=0)[:-20], "the compressed file is truncated"),
        (gzip.compress(TABLE, mtime=0)[:50] + b"\0" * 50, "the compressed file is damaged"),
        (zipped(table=TABLE)[:-30], "the compressed file is damaged"),
        (zipped(), "the zip archive holds no files"),
        (zipped(a=TABLE, b=TABLE), "the zip archive holds 2 files: 'a', 'b'"),
        (zipped(**{"a\x1b[31m": TABLE, "b": TABLE}), r"the zip archive holds 2 files: 'a\x1b[31m', 'b'"),
        (encrypted(), "the zip archive is password-protected"),
        (zipped(**{"[Content_Types].xml": b"x", "xl/workbook.xml": b"x"}), "the source is an Excel workbook (.xlsx)"),
        (zipped(**{"mimetype": b"x", "content.xml": b"x"}), "the source is an OpenDocument spreadsheet (.ods)"),
    ],
    ids=["cut", "damaged", "cut zip", "none", "two", "odd name", "password", "xlsx", "ods"],
)
def test_an_archive_of_something_else_is_named(packed: bytes, what: str) -> None:
    with pytest.raises(SourceRefused) as refused:
        read(packed)
    assert refused.value.what.startswith(what)
    assert refused.value.hint


@pytest.mark.fault("D17")
@pytest.mark.parametrize("pack", [gzip.compress, lambda content: zipped(table=content)], ids=["gzip", "zip"])
def test_an_archive_in_an_archive_is_refused(pack: Callable[[bytes], bytes], tmp_path: Path, fetch: Fetching) -> None:
    (tmp_path / "twice").write_bytes(pack(pack(TABLE)))
    with pytest.raises(SourceRefused, match=r"the source is not a table but a (gzip|zip) archive"):
        fetch(str(tmp_path / "twice"))


@pytest.mark.fault("S07")
@pytest.mark.parametrize("pack", [gzip.compress, lambda content: zipped(table=content)], ids=["gzip", "zip"])
def test_a_bomb_meets_the_limit_of_size(pack: Callable[[bytes], bytes], tmp_path: Path, fetch: Fetching) -> None:
    (tmp_path / "bomb").write_bytes(pack(bytes(200 * 2**20)))
    tracemalloc.start()
    with pytest.raises(SourceRefused, match="larger than") as refused:
        fetch(str(tmp_path / "bomb"), limits=short(largest_bytes=2**20))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused.value.where == str(tmp_path / "bomb")
    assert peak < 20 * 2**20


@pytest.mark.fault("S14")
def test_the_pin_may_be_that_of_the_table_or_of_the_file(tmp_path: Path, fetch: Fetching) -> None:
    import hashlib

    packed = gzip.compress(TABLE)
    (tmp_path / "packed").write_bytes(packed)
    for content in (TABLE, packed):
        assert fetch(str(tmp_path / "packed"), sha256=hashlib.sha256(content).hexdigest()).content == TABLE
    with pytest.raises(SourceRefused, match="is pinned"):
        fetch(str(tmp_path / "packed"), sha256="ab" * 32)
