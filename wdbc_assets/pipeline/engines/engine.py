"""The interface of an engine, and how its results are drawn: as they are finished, or in the order of the units.

The outcome of a unit does not depend on the engine, the process or the machine, so neither does the result.
"""

from __future__ import annotations

import contextlib
from collections import deque
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from concurrent.futures import Future
    from contextlib import AbstractContextManager

UnitT = TypeVar("UnitT")
OutcomeT = TypeVar("OutcomeT")

_LOOK_SECONDS = 2.0  # without a result, after which the pool is asked whether it is alive


class Lost(WdbcError):
    """Processes of the engine, or its cluster, were lost. The units can be run again."""


class WorkerDied(Lost):
    """A process of this machine died. Others can take its place."""


@dataclass(frozen=True)
class Used:
    """What computed a value: the name of the engine, what it consisted of, and the machines of a cluster's workers."""

    engine: str
    cluster: str
    dashboard: str = ""
    machines: tuple[Mapping[str, str], ...] = field(default=(), repr=False)

    def stated(self) -> dict[str, str]:
        """Return what Dagster shows of it."""
        shown = {"engine": self.engine, "cluster": self.cluster, "Dask dashboard": self.dashboard}
        return {name: text for name, text in shown.items() if text}


class Pool(Protocol):
    """An open engine, which runs one function on units."""

    @property
    def most(self) -> int:
        """How many units to hand over at a time: enough to keep every process busy, and no more to keep memory flat."""

    def submit(self, unit: Any) -> Future[Any]:
        """Hand over a unit. The result is its outcome, or WdbcError if it failed."""

    def result(self, future: Future[Any]) -> Any:
        """Return the result of a finished unit.

        Raises:
            Lost: a process, or the cluster, was lost.
        """

    def require_alive(self) -> None:
        """Raise `Lost` if the cluster was lost; called while no unit finishes."""


class Engine(Protocol):
    """Runs units in processes, somewhere.

    `used` states what ran; None before the first unit.
    """

    used: Used | None

    def open(self, run: Callable[[Any, Any], Any], task: Any, *, noun: str, units: int) -> AbstractContextManager[Pool]:
        """Start the processes.

        Args:
            run: A function of a module, from the task and a unit to its outcome.
            task: What all units need. It is sent to each process once.
            noun: What the units are called, in the plural.
            units: How many there are.

        Raises:
            WdbcError: the processes cannot be started, or the cluster cannot be used.
        """


def completed(
    engine: Engine, run: Callable[[Any, UnitT], OutcomeT], task: Any, units: Sequence[UnitT], *, noun: str
) -> Generator[tuple[UnitT, OutcomeT | WdbcError]]:
    """Yield each unit with its outcome, or with the reason why it failed, as they are finished.

    Raises:
        WdbcError: the processes cannot be started, or were lost.
    """
    if not units:
        return
    with engine.open(run, task, noun=noun, units=len(units)) as pool:
        yield from finished(pool, units)


def finished(pool: Pool, units: Sequence[UnitT]) -> Generator[tuple[UnitT, Any]]:
    """Yield each unit with its outcome, or with the reason why it failed, as the open engine finishes them.

    Raises:
        Lost: processes of the engine, or its cluster, were lost.
    """
    left = iter(units)
    waiting: dict[Future[Any], UnitT] = {}
    while True:
        for unit in islice(left, pool.most - len(waiting)):
            waiting[pool.submit(unit)] = unit
        if not waiting:
            return
        done = wait(waiting, _LOOK_SECONDS, FIRST_COMPLETED).done
        if not done:
            pool.require_alive()
        for future in done:
            yield waiting.pop(future), pool.result(future)


def in_order(
    engine: Engine, run: Callable[[Any, UnitT], OutcomeT], task: Any, units: Sequence[UnitT], *, noun: str
) -> Generator[OutcomeT]:
    """Yield the outcomes in the order of the units. A bounded number of them waits in memory.

    If a process dies, others go on from the first unit that was not yielded; if that one ends a second time, it raises.

    Raises:
        WdbcError: a unit failed; or the processes cannot be started, or were lost.
    """
    done, died_at = 0, -1
    while done < len(units):
        try:
            with contextlib.closing(_in_order(engine, run, task, units[done:], noun)) as outcomes:
                for outcome in outcomes:
                    done += 1
                    yield outcome
        except WorkerDied:
            if died_at == done:
                raise
            died_at = done


def _in_order(
    engine: Engine, run: Callable[[Any, UnitT], OutcomeT], task: Any, units: Sequence[UnitT], noun: str
) -> Generator[OutcomeT]:
    with engine.open(run, task, noun=noun, units=len(units)) as pool:
        left = iter(units)
        waiting: deque[Future[Any]] = deque()
        while True:
            waiting.extend(pool.submit(unit) for unit in islice(left, pool.most - len(waiting)))
            if not waiting:
                return
            while not wait([waiting[0]], _LOOK_SECONDS).done:
                pool.require_alive()
            outcome = pool.result(waiting.popleft())
            if isinstance(outcome, WdbcError):
                raise outcome
            yield outcome


def outcome_of(run: Callable[[Any, UnitT], OutcomeT], task: Any, unit: UnitT) -> OutcomeT | WdbcError:
    """Run one unit; return its outcome, or why it failed."""
    try:
        return run(task, unit)
    except WdbcError as error:
        error.__cause__ = None  # the cause may not be picklable
        return error
