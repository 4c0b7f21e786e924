"""Read a table from a gzip file, or from a zip archive with one file, as if it were not packed.

The first bytes decide, and one layer is unpacked. Content comes in pieces of the requested size, so a decompression
bomb runs into the reader's limits. Nothing is written under a name from an archive.
"""

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, cast

from wdbc_assets.domain.data import file_formats
from wdbc_assets.domain.data.csv_layouts import shown, some
from wdbc_assets.sources.errors import SourceRefused

GZIP = b"\x1f\x8b"
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
SIGNS = (GZIP, *ZIP)

_AGAIN = "Copy or download the file again: it is damaged or truncated."
_BROKEN = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
_ENCRYPTED = 1  # a bit of the zip flags
# Extra members that programs add: resource forks of macOS, metadata of file managers.
_EXTRA = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
_OFFICE = {
    "xl/": file_formats.WORKBOOK,
    "word/": file_formats.DOCUMENT,
    "ppt/": file_formats.DOCUMENT,
    "content.xml": file_formats.SPREADSHEET,
    "Index/": file_formats.Format("a Numbers document of macOS", file_formats.WORKBOOK.hint),
}


def is_packed(begin: bytes) -> bool:
    """Return whether content that starts with these bytes is a gzip file or a zip archive."""
    return begin.startswith(SIGNS)


@contextmanager
def opened(file: BinaryIO, begin: bytes) -> Iterator[BinaryIO]:
    """Open the table in a packed file that starts with `begin`. A zip archive must be seekable.

    Raises:
        SourceRefused: it is not an archive of one table, or it is damaged; also raised while reading.
    """
    if begin.startswith(GZIP):
        with _Unpacked(gzip.GzipFile(fileobj=file)) as unpacked:
            yield cast("BinaryIO", unpacked)
    else:
        with _member(file) as member:
            yield member


def content(packed: bytes, read: Callable[[BinaryIO], bytes]) -> bytes:
    """Return what `read` makes of the content, unpacked if it is packed."""
    if not is_packed(packed):
        return packed
    with opened(io.BytesIO(packed), packed) as unpacked:
        return read(unpacked)


class _Unpacked(io.RawIOBase):
    """The unpacked stream, with errors converted to SourceRefused."""

    def __init__(self, inner: io.BufferedIOBase) -> None:
        self._inner = inner

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        with _converted_errors():
            return self._inner.read(size)

    def close(self) -> None:
        with suppress(*_BROKEN):
            self._inner.close()
        super().close()


@contextmanager
def _converted_errors() -> Iterator[None]:
    try:
        yield
    except EOFError:
        raise SourceRefused("the compressed file is truncated", hint=_AGAIN) from None
    except (NotImplementedError, RuntimeError):  # what zipfile raises for an unknown compression, and for a password
        raise SourceRefused(
            "the zip archive uses an unsupported compression, or has a password", hint=file_formats.UNPACK
        ) from None
    except _BROKEN:
        raise SourceRefused("the compressed file is damaged", hint=_AGAIN) from None


@contextmanager
def _member(file: BinaryIO) -> Iterator[BinaryIO]:
    with _converted_errors():
        archive = zipfile.ZipFile(file)
    with archive:
        member = _only_table(archive)
        if member.flag_bits & _ENCRYPTED:
            raise SourceRefused("the zip archive is password-protected", hint=file_formats.UNPACK)
        with _converted_errors():
            inner = archive.open(member)
        with _Unpacked(cast("io.BufferedIOBase", inner)) as unpacked:
            yield cast("BinaryIO", unpacked)


def _only_table(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    names = archive.namelist()
    for part, kind in _OFFICE.items():
        if any(name.startswith(part) for name in names) and len(names) > 1:
            raise SourceRefused(f"the source is {kind.name}, not a table", hint=kind.hint)
    members = [member for member in archive.infolist() if not member.is_dir() and not _is_extra(member.filename)]
    if len(members) != 1:
        listed = f": {some([shown(member.filename) for member in members])}" if members else ""
        raise SourceRefused(f"the zip archive holds {len(members) or 'no'} files{listed}", hint=file_formats.UNPACK)
    return members[0]


def _is_extra(name: str) -> bool:
    return name.startswith(_EXTRA[0]) or name.rpartition("/")[2].startswith("._") or name.endswith(_EXTRA[1:])
