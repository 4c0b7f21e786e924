"""A folder of Parquet files as one table to score: the rows of its files in the order of their names.

Names are those of `sources.folders`. Only the files' footers are read here, so that whatever is wrong with a file's
columns is found before a row is scored. A row group is the unit of work.
"""

from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa

from wdbc_assets.domain.data.csv_layouts import Header
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.scoring import parquet_reader, readers
from wdbc_assets.scoring.places import Entry, Place, changed


@dataclass(frozen=True)
class RowGroup:
    """A row group of a file: its position, and the number of its first row in the file."""

    file: Entry
    position: int
    first: int
    rows: int

    @property
    def shown(self) -> str:
        """The place for errors."""
        return f"rows {self.first} to {self.first + self.rows - 1}"


@dataclass(frozen=True)
class Part:
    """A file of the folder; `id_type` is None if it has no id, or no row."""

    file: Entry
    header: Header
    id_type: pa.DataType | None
    groups: tuple[RowGroup, ...]


@dataclass(frozen=True)
class Dataset:
    """The files of a folder in the order of their names, and the type of their ids, None without ids."""

    folder: Place
    parts: tuple[Part, ...]
    id_type: pa.DataType | None

    def require_unchanged(self) -> None:
        """Raise WdbcError if a file was added, removed or written since the folder was read."""
        if list(self.folder.listed()) != [part.file for part in self.parts]:
            raise changed(self.folder.shown)


def read(folder: Place, *, strict: bool) -> Dataset:
    """Read the footers of all files.

    Raises:
        WdbcError: there is no file, or one that is not Parquet, is damaged, or has other columns or ids.
    """
    parts = tuple(_part(folder, file, strict=strict) for file in folder.listed())
    if not parts:
        raise WdbcError("the folder holds no file", where=folder.shown, hint="Pass a folder of Parquet files.")
    filled = [part for part in parts if part.groups]
    for part in filled[1:]:
        if part.id_type != filled[0].id_type:
            raise WdbcError(
                f"its ids are {_kind(part)}, and those of {filled[0].file.name} are {_kind(filled[0])}",
                where=f"{folder.shown}/{part.file.name}",
                hint="Write all files of the folder with the same columns.",
            )
    return Dataset(folder, parts, filled[0].id_type if filled else None)


def _part(folder: Place, entry: Entry, *, strict: bool) -> Part:
    with readers.naming_errors(f"{folder.shown}/{entry.name}"), folder.open(entry) as file:
        if not _is_parquet(file, entry.size):
            raise WdbcError(
                "a file of the folder is not Parquet",
                hint="Remove it from the folder, or score it by itself. Names that begin with . or _ are left out.",
            )
        source = parquet_reader.ParquetSource(file, strict=strict)
        groups, first = [], 1
        for position, rows in enumerate(source.group_rows):
            if rows:
                groups.append(RowGroup(entry, position, first, rows))
            first += rows
        return Part(entry, source.header, source.id_type, tuple(groups))


def _is_parquet(file: BinaryIO, size: int) -> bool:
    """Return whether a file ends or begins as a Parquet file does. Its end is needed anyway, its beginning is not."""
    magic = parquet_reader.MAGIC
    for place in (max(size - len(magic), 0), 0):
        file.seek(place)
        if file.read(len(magic)) == magic:
            file.seek(0)
            return True
    return False


def _kind(part: Part) -> str:
    return "missing" if part.id_type is None else f"of type {part.id_type}"
