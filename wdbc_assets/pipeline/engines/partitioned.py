"""A table in partitions on an engine: each partition is read, and computed on, by the process that runs its unit."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline.engines.engine import finished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from threadpoolctl import ThreadpoolController

    from wdbc_assets.domain.data.partitions import Partitions
    from wdbc_assets.pipeline.engines.engine import Engine, Pool

T = TypeVar("T")
PartT = TypeVar("PartT")
PlaceT = TypeVar("PlaceT")


@contextlib.contextmanager
def opened(
    engine: Engine, read: Callable[[PlaceT], PartT], places: Sequence[PlaceT], *, noun: str = "partitions"
) -> Iterator[Partitions[PartT]]:
    """Start the processes of an engine once, for all computations on a table.

    Args:
        engine: The engine.
        read: A function of a module, from the place of a partition to the partition.
        places: Where the partitions are, in their order; every process of the engine can read them there.
        noun: What the partitions are called, in the plural.

    Raises:
        WdbcError: the processes cannot be started, or the cluster cannot be used.
    """
    with engine.open(_compute, _Table(read, tuple(places)), noun=noun, units=len(places)) as pool:
        yield _Opened(pool, len(places))


@dataclass(frozen=True)
class _Table(Generic[PlaceT, PartT]):
    read: Callable[[PlaceT], PartT]
    places: tuple[PlaceT, ...]


@dataclass(frozen=True)
class _Unit(Generic[PartT, T]):
    function: Callable[[PartT], T]
    number: int


def _compute(table: _Table[PlaceT, PartT], unit: _Unit[PartT, T]) -> T:
    part = table.read(table.places[unit.number])
    with _threads().limit(limits=1):  # more would wait for each other longer than they compute, and change last digits
        return unit.function(part)


@cache
def _threads() -> ThreadpoolController:
    """Return the thread pools of this process. Finding them takes longer than many a unit."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@dataclass(frozen=True)
class _Opened:
    pool: Pool
    count: int

    def map(self, function: Callable[[Any], T]) -> list[T]:
        """Return what a function makes of each partition, in their order.

        Raises:
            WdbcError: it fails for a partition; or the engine was lost.
        """
        units = [_Unit(function, number) for number in range(self.count)]
        results: dict[int, T] = {}
        with contextlib.closing(finished(self.pool, units)) as found:
            for unit, result in found:
                if isinstance(result, WdbcError):
                    raise result
                results[unit.number] = result
        return [results[number] for number in range(self.count)]
