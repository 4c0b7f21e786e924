"""A table in partitions on an engine: each partition is read, and computed on, by the process that runs its unit."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline.engines.engine import WorkerDied, finished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

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
    table = _Table(read, tuple(places))
    with contextlib.ExitStack() as stack:
        yield _Opened(partial(engine.open, _compute, table, noun=noun, units=len(places)), stack, len(places))


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


class _Opened:
    def __init__(self, start: Callable[[], AbstractContextManager[Pool]], stack: contextlib.ExitStack, count: int):
        self._start = start
        self._stack = stack
        self._pool = stack.enter_context(start())
        self.count = count

    def map(self, function: Callable[[Any], T]) -> list[T]:
        """Return what a function makes of each partition, in their order.

        If a process dies, others go on with the partitions that are left; if one of them dies as well, it raises.

        Raises:
            WdbcError: it fails for a partition; or the engine was lost.
        """
        results: dict[int, T] = {}
        try:
            self._add(function, results)
        except WorkerDied:
            self._stack.close()
            self._pool = self._stack.enter_context(self._start())
            self._add(function, results)
        return [results[number] for number in range(self.count)]

    def _add(self, function: Callable[[Any], T], results: dict[int, T]) -> None:
        units = [_Unit(function, number) for number in range(self.count) if number not in results]
        with contextlib.closing(finished(self._pool, units)) as outcomes:
            for unit, result in outcomes:
                if isinstance(result, WdbcError):
                    raise result
                results[unit.number] = result
