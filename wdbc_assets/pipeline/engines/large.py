"""A table larger than memory, on an engine: its processes read the parts from the store."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.data import membership, published
from wdbc_assets.domain.data.lines import LinesFile
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline.engines import partitioned
from wdbc_assets.store import table_files
from wdbc_assets.store.table_files import LargeSplit, StoredPlace, TableFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

    from wdbc_assets.domain.data.partitions import Partitions, Patients
    from wdbc_assets.pipeline.engines.engine import Engine

DIGEST = "digest"
"""The column of a large split by which rows are drawn; see `membership`."""
_REMEMBERED = 1024  # parts whose digests a process remembers: 268 MB at most
MORE_MEMORY = "If this machine has the memory, raise WDBC_ROWS_IN_MEMORY and run `wdbc run --force`."


def refuse(asset: str, inputs: Mapping[str, Any]) -> None:
    """Raise WdbcError if an input of an asset that needs it in memory is larger."""
    for name, value in inputs.items():
        if isinstance(value, LinesFile | TableFile | LargeSplit):
            raise WdbcError(
                f"{asset} needs the whole {name} in memory, and it has more rows than that", hint=MORE_MEMORY
            )


def of_other_tables(first: str, second: str, *, command: str) -> WdbcError:
    """Return the error for two inputs of which one is larger than memory, and the other is not."""
    return WdbcError(f"{first} and {second} were made from different tables", hint=f"Run `{command}` first.")


def patients(engine: Engine, *tables: TableFile) -> AbstractContextManager[Partitions[Patients]]:
    """Open the parts of stored tables of a large split, one after the other, as partitions on an engine."""
    places = [(_stored(table), number) for table in tables for number in range(table.count)]
    return partitioned.opened(engine, _read, places, noun="parts")


def _stored(table: TableFile) -> StoredPlace:
    if table.place is None:
        raise WdbcError("a large table must be stored before it is computed on", hint="Materialize it first.")
    return table.place


def _read(place: tuple[StoredPlace, int]) -> Patients:
    import numpy as np

    from wdbc_assets.domain.data import contract
    from wdbc_assets.domain.data.partitions import Patients

    where, number = place
    part = table_files.opened(where).part(number)
    X = np.column_stack([part[name].to_numpy() for name in contract.FEATURES])
    digests = part[DIGEST].to_numpy() if DIGEST in part else _digests(place)
    return Patients(X, part[contract.DIAGNOSIS].to_numpy(dtype=np.int8), digests)


@lru_cache(maxsize=_REMEMBERED)
def _digests(place: tuple[StoredPlace, int]) -> NDArray[np.uint64]:
    """Return the digests of a part of a clean frame. To compute them takes as long as to read the part."""
    where, number = place
    return membership.digests(table_files.opened(where).part(number))


def is_published(frame: TableFile) -> bool:
    """Return whether a clean frame in a file has the patients that UCI publishes."""
    return frame.rows == published.ROWS and published.is_published(frame.frame())
