"""A codec, and what its functions share: the names of files, and the type of a value without importing it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from wdbc_assets.domain.data.lines import LinesFile
from wdbc_assets.store.table_files import TableFile

LargeFile: TypeAlias = TableFile | LinesFile

PREDICTIONS = "predictions.parquet"


@dataclass(frozen=True)
class Codec:
    """One storage format: which values it accepts, how it writes, reads and counts the rows of a value.

    `tables` returns the files of a value that are never held in memory, besides those that `encode` returns; `large`
    says which ones they are by their names.
    """

    takes: Callable[[Any], bool]
    encode: Callable[[str, Any], dict[str, bytes]]
    decode: Callable[[Mapping[str, Any]], Any]
    rows: Callable[[Any], int | None]
    tables: Callable[[str, Any], dict[str, LargeFile]] = lambda _asset, _value: {}
    large: Callable[[str], bool] = lambda _: False


def kind(value: Any) -> str:
    """Return the package and the name of a value's type: no codec imports pandas or scikit-learn to be chosen."""
    return f"{type(value).__module__.partition('.')[0]}.{type(value).__name__}"
