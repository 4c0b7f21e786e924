"""A folder of Parquet files as one table to score: the rows of its files in the order of their names.

Names are those of `sources.folders`. Only the files' footers are read here, so that whatever is wrong with a file's
columns is found before a row is scored. A row group is the unit of work.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from wdbc_assets.domain.data.csv_layouts import Header
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.scoring import parquet_reader, readers
from wdbc_assets.sources import files as source_files
from wdbc_assets.sources import folders


@dataclass(frozen=True)
class RowGroup:
    """A row group of a file: its position, and the number of its first row in the file.

    `version` is what the file's size and time of change were.
    """

    path: str
    name: str
    version: str
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

    name: str
    version: str
    header: Header
    id_type: pa.DataType | None
    groups: tuple[RowGroup, ...]


@dataclass(frozen=True)
class Dataset:
    """The files of a folder in the order of their names, and the type of their ids, None without ids."""

    folder: Path
    parts: tuple[Part, ...]
    id_type: pa.DataType | None

    def require_unchanged(self) -> None:
        """Raise WdbcError if a file was added, removed or written since the folder was read."""
        if list(_listed(self.folder)) != [(part.name, part.version) for part in self.parts]:
            raise changed(str(self.folder))


def read(folder: Path, *, strict: bool) -> Dataset:
    """Read the footers of all files.

    Raises:
        WdbcError: there is no file, or one that is not Parquet, is damaged, or has other columns or ids.
    """
    parts = tuple(_part(folder / name, version, strict=strict) for name, version in _listed(folder))
    if not parts:
        raise WdbcError("the folder holds no file", where=str(folder), hint="Pass a folder of Parquet files.")
    filled = [part for part in parts if part.groups]
    for part in filled[1:]:
        if part.id_type != filled[0].id_type:
            raise WdbcError(
                f"its ids are {_kind(part)}, and those of {filled[0].name} are {_kind(filled[0])}",
                where=str(folder / part.name),
                hint="Write all files of the folder with the same columns.",
            )
    return Dataset(folder, parts, filled[0].id_type if filled else None)


def changed(where: str) -> WdbcError:
    """Return the error for a folder or file that was written while it was read."""
    return WdbcError(folders.CHANGED.what, where=where, hint=f"{folders.CHANGED.hint} Nothing was written.")


def version_of(path: Path) -> str:
    """Return what changes when a file is written: its size and its time of change."""
    status = path.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"


def _listed(folder: Path) -> Iterator[tuple[str, str]]:
    with source_files.explained(folder):
        names: Sequence[str] = sorted(file.name for file in folder.iterdir() if folders.is_table(file.name))
        for name in names:
            source_files.require_regular(folder / name)
            yield name, version_of(folder / name)


def _part(path: Path, version: str, *, strict: bool) -> Part:
    with readers.naming_errors(str(path)), path.open("rb") as file:
        if file.read(len(parquet_reader.MAGIC)) != parquet_reader.MAGIC:
            raise WdbcError(
                "a file of the folder is not Parquet",
                hint="Remove it from the folder, or score it by itself. Names that begin with . or _ are left out.",
            )
        file.seek(0)
        source = parquet_reader.ParquetSource(file, strict=strict)
        groups, first = [], 1
        for position, rows in enumerate(source.group_rows):
            if rows:
                groups.append(RowGroup(str(path), path.name, version, position, first, rows))
            first += rows
        return Part(path.name, version, source.header, source.id_type, tuple(groups))


def _kind(part: Part) -> str:
    return "missing" if part.id_type is None else f"of type {part.id_type}"
