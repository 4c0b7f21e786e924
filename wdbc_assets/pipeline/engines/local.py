"""Work in several processes, unit by unit. Each finished unit becomes a checkpoint and is never computed twice.

The outcome of a unit does not depend on the process, so the result is the same for any number of workers. The other
modules here describe the work of one asset each.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any, Generic, TypeVar

from wdbc_assets import logs
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import parsing
from wdbc_assets.store.checkpoints import Checkpoints

_FAILURES_NAMED = 5

UnitT = TypeVar("UnitT")
OutcomeT = TypeVar("OutcomeT")


@dataclass(frozen=True, kw_only=True)
class Work(Generic[UnitT, OutcomeT]):
    """The work of an asset.

    Attributes:
        noun: What the units are called, in the plural.
        task: What all units need. It is sent to each worker once.
        units: The units.
        run: A function of a module, from the task and a unit to its outcome, a dataclass.
        name: From a unit to the name of its checkpoint, which also names all that `Checkpoints` does not know.
        restore: From a unit and the content of its checkpoint to the outcome, or None if the content is not one.
    """

    noun: str
    task: Any
    units: Sequence[UnitT]
    run: Callable[[Any, UnitT], OutcomeT]
    name: Callable[[UnitT], str]
    restore: Callable[[UnitT, Any], OutcomeT | None]

    def keep(self, checkpoints: Checkpoints, unit: UnitT, outcome: OutcomeT) -> None:
        """Store the outcome of a unit as a checkpoint."""
        checkpoints.put(self.name(unit), parsing.plain(outcome))

    def kept(self, checkpoints: Checkpoints) -> dict[UnitT, OutcomeT]:
        """Return the valid checkpoints of the units. Units without one are computed again."""
        outcomes = {}
        for unit in self.units:
            content = checkpoints.get(self.name(unit))
            outcome = None if content is None else self.restore(unit, content)
            if outcome is not None:
                outcomes[unit] = outcome
        return outcomes


def run(
    work: Work[UnitT, OutcomeT], *, workers: int, checkpoints: Checkpoints, report: Callable[[int, int], None]
) -> dict[UnitT, OutcomeT]:
    """Return the outcome of each unit; those that have a checkpoint are not computed again.

    `report(done, total)` is called after each unit. A failed unit does not stop the others.

    Raises:
        WdbcError: At least one unit failed; the message names units and reasons.
    """
    outcomes = work.kept(checkpoints)
    total = len(work.units)
    if outcomes:
        logs.logger.info("%d of %d %s were finished before", len(outcomes), total, work.noun, extra={"event": "note"})
    failures: list[WdbcError] = []
    left = [unit for unit in work.units if unit not in outcomes]
    computed: Generator[tuple[UnitT, Any]] = _outcomes(work, left, workers)
    # Closed here: an interruption would otherwise keep the iterator, and with it the workers, alive until exit.
    with contextlib.closing(computed) as results:
        for unit, result in results:
            if isinstance(result, WdbcError):
                failures.append(result)
                logs.logger.warning("%s", result.what)
                continue
            work.keep(checkpoints, unit, result)
            outcomes[unit] = result
            report(len(outcomes) + len(failures), total)
    if failures:
        raise _refusal(failures, total, work.noun)
    return outcomes


def _refusal(failures: Sequence[WdbcError], total: int, noun: str) -> WdbcError:
    shown = "; ".join(failure.what for failure in failures[:_FAILURES_NAMED])
    more = f"; and {len(failures) - _FAILURES_NAMED} more" if len(failures) > _FAILURES_NAMED else ""
    return WdbcError(
        f"{len(failures)} of {total} {noun} could not be evaluated: {shown}{more}",
        where=failures[0].where,
        hint=f"{failures[0].hint} The other {noun} are stored and will not be computed again.",
    )


def _outcomes(
    work: Work[UnitT, OutcomeT], units: Sequence[UnitT], workers: int
) -> Generator[tuple[UnitT, OutcomeT | WdbcError]]:
    if min(workers, len(units)) < 2:
        yield from ((unit, _run(work.run, work.task, unit)) for unit in units)
        return
    pool = ProcessPoolExecutor(
        min(workers, len(units)),
        mp_context=multiprocessing.get_context("spawn"),  # a fork would copy locks held by other threads
        initializer=_initialize_worker,
        initargs=(work.run, work.task),
    )
    try:
        futures = {pool.submit(_run_in_worker, unit): unit for unit in units}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        raise WdbcError(
            "a worker process of the evaluation died, possibly out of memory",
            hint=f"Try again with `--workers 1` or WDBC_WORKERS=1. Finished {work.noun} are stored.",
        ) from None
    except BaseException:  # interrupted: shutdown would wait for the running units and then discard them
        for worker in multiprocessing.active_children():
            worker.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _run(run_unit: Callable[[Any, UnitT], OutcomeT], task: Any, unit: UnitT) -> OutcomeT | WdbcError:
    try:
        return run_unit(task, unit)
    except WdbcError as error:
        error.__cause__ = None  # the cause may not be picklable
        return error


_worker_state: dict[str, Any] = {}


def _initialize_worker(run_unit: Callable[[Any, Any], Any], task: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and ends this process
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    _worker_state.update(run=run_unit, task=task)


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _run_in_worker(unit: Any) -> Any:
    return _run(_worker_state["run"], _worker_state["task"], unit)
