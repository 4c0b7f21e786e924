"""Repeated cross-validation in several processes. Each finished unit becomes a checkpoint and is never computed twice.

The outcome of a unit does not depend on the process, so the result is the same for any number of workers.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from wdbc_assets import logs
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import comparison, cross_validation
from wdbc_assets.domain.evaluation.comparison import CrossValidation
from wdbc_assets.domain.evaluation.cross_validation import Outcome, Unit
from wdbc_assets.pipeline import code_versions
from wdbc_assets.store.checkpoints import Checkpoints

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_FAILURES_NAMED = 5


def evaluate(
    frame: "pd.DataFrame",
    *,
    recipes: Sequence[str],
    protocol: str,
    workers: int,
    checkpoints: Checkpoints,
    report: Callable[[int, int], None],
) -> CrossValidation:
    """Evaluate the recipes on every fold of every repeat, except for units that have a checkpoint.

    `report(done, total)` is called after each unit. A failed unit does not stop the others.

    Raises:
        WdbcError: At least one unit failed; the message contains recipe, repeat, fold and reason.
    """
    _, y = cross_validation.measurements(frame)  # invalid data are refused here, not once in each unit
    units = cross_validation.units(recipes, protocol)
    outcomes = _kept(checkpoints, units, y.to_numpy())
    if outcomes:
        logs.logger.info("%d of %d folds were finished before", len(outcomes), len(units), extra={"event": "note"})
    failures: list[WdbcError] = []
    # Closed here: an interruption would otherwise keep the iterator, and with it the workers, alive until exit.
    with contextlib.closing(_outcomes([unit for unit in units if unit not in outcomes], frame, workers)) as results:
        for unit, result in results:
            if isinstance(result, WdbcError):
                failures.append(result)
                logs.logger.warning("%s", result.what)
                continue
            keep(checkpoints, unit, result)
            outcomes[unit] = result
            report(len(outcomes) + len(failures), len(units))
    if failures:
        raise _refusal(failures, len(units))
    predictions, winners = cross_validation.assemble(frame, outcomes)
    return CrossValidation(predictions, winners, comparison.summary(predictions, frame))


def keep(checkpoints: Checkpoints, unit: Unit, outcome: Outcome) -> None:
    """Store the outcome of a unit as a checkpoint."""
    checkpoints.put(_name(unit), {"winner": outcome.winner, "probabilities": outcome.probabilities})


def _kept(checkpoints: Checkpoints, units: Sequence[Unit], y: "np.ndarray") -> dict[Unit, Outcome]:
    """Return the valid checkpoints of the units. Units without one are computed again."""
    fold_of = {repeat: cross_validation.folds(y, repeat) for repeat in {unit.repeat for unit in units}}
    outcomes = {}
    for unit in units:
        match checkpoints.get(_name(unit)):
            case {"winner": dict(winner), "probabilities": list(probabilities)}:
                if len(probabilities) == (fold_of[unit.repeat] == unit.fold).sum():
                    outcomes[unit] = Outcome(winner, tuple(probabilities))
    return outcomes


def _name(unit: Unit) -> str:
    # Checkpoints of a recipe end with its code; those of the other recipes stay.
    return f"{unit.recipe}-{code_versions.recipe_version(unit.recipe)}-{unit.repeat}-{unit.fold}"


def _refusal(failures: Sequence[WdbcError], total: int) -> WdbcError:
    shown = "; ".join(failure.what for failure in failures[:_FAILURES_NAMED])
    more = f"; and {len(failures) - _FAILURES_NAMED} more" if len(failures) > _FAILURES_NAMED else ""
    return WdbcError(
        f"{len(failures)} of {total} folds could not be evaluated: {shown}{more}",
        where=failures[0].where,
        hint=f"{failures[0].hint} The other folds are stored and will not be computed again.",
    )


def _outcomes(
    units: Sequence[Unit], frame: "pd.DataFrame", workers: int
) -> Generator[tuple[Unit, Outcome | WdbcError]]:
    if min(workers, len(units)) < 2:
        yield from ((unit, _evaluate(frame, unit)) for unit in units)
        return
    pool = ProcessPoolExecutor(
        min(workers, len(units)),
        mp_context=multiprocessing.get_context("spawn"),  # a fork would copy locks held by other threads
        initializer=_initialize_worker,
        initargs=(frame,),
    )
    try:
        futures = {pool.submit(_evaluate_in_worker, unit): unit for unit in units}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        raise WdbcError(
            "a worker process of the evaluation died, possibly out of memory",
            hint="Try again with `--workers 1`. Finished folds are stored.",
        ) from None
    except BaseException:  # interrupted: shutdown would wait for the running units and then discard them
        for worker in multiprocessing.active_children():
            worker.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _evaluate(frame: "pd.DataFrame", unit: Unit) -> Outcome | WdbcError:
    try:
        return cross_validation.evaluate_fold(frame, unit)
    except WdbcError as error:
        error.__cause__ = None  # the cause may not be picklable
        return error


_worker_state: dict[str, Any] = {}


def _initialize_worker(frame: "pd.DataFrame") -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and ends this process
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    _worker_state["frame"] = frame


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _evaluate_in_worker(unit: Unit) -> Outcome | WdbcError:
    return _evaluate(_worker_state["frame"], unit)
