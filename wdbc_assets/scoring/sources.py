"""Where the rows to score come from: a file or standard input, a CSV or a Parquet file, told apart by how it begins."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.scoring import parquet, texts

STANDARD = "-"
Source = parquet.ParquetSource | texts.TextSource


@contextmanager
def opened(place: str) -> Iterator[Source]:
    """Open a file to score, `-` being standard input.

    A Parquet file is read from its end: one that comes through a pipe is first kept in a temporary file.

    Raises:
        WdbcError: it cannot be read, or is no table of the contract's columns.
    """
    try:
        with _bytes_of(place) as file:
            begin = file.read(len(parquet.MAGIC))
            if begin != parquet.MAGIC:
                yield texts.TextSource(file, begin)
            elif file.seekable():
                yield parquet.ParquetSource(file)
            else:
                with tempfile.TemporaryFile() as whole:
                    whole.write(begin)
                    shutil.copyfileobj(file, whole)
                    yield parquet.ParquetSource(cast("BinaryIO", whole))
    except WdbcError as error:
        error.where = ", ".join(part for part in (_name(place), error.where) if part)
        raise


@contextmanager
def _bytes_of(place: str) -> Iterator[BinaryIO]:
    if place == STANDARD:
        yield sys.stdin.buffer
        return
    try:
        file = Path(place).open("rb")  # noqa: SIM115 -- closed below; only opening it may fail here
    except OSError as error:
        raise WdbcError(
            f"the rows to score cannot be read: {error.strerror}",
            mend="Give a CSV or Parquet file that exists and that you may read, or `-` for standard input.",
        ) from None
    with file:
        yield file


def _name(place: str) -> str:
    return "standard input" if place == STANDARD else place
