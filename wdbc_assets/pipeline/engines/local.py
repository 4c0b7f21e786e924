"""Repeated cross-validation on several processes: every unit that is done is kept at once, and done only once.

A unit's outcome does not depend on who computes it, so the value is the same for any number of workers.
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
from wdbc_assets.domain.evaluation.cross_validation import Outcome, Unit
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
) -> cross_validation.CrossValidation:
    """Judge the recipes on every fold of every repeat, but for the units that lie on the checkpoints.

    `report(done, total)` is called after each unit. A unit that fails does not stop the others.

    Raises WdbcError if any unit failed, naming recipe, repeat, fold and reason.
    """
    _, y = cross_validation.measurements(frame)  # refused here, not once in each unit
    units = cross_validation.units(recipes, protocol)
    outcomes = _kept(checkpoints, units, y.to_numpy())
    if outcomes:
        logs.logger.info("%d of %d folds were done before", len(outcomes), len(units), extra={"event": "note"})
    failures: list[WdbcError] = []
    # Closed here: an interruption would otherwise hold the iterator, and with it the workers, until the very end.
    with contextlib.closing(_outcomes([unit for unit in units if unit not in outcomes], frame, workers)) as judged:
        for unit, found in judged:
            if isinstance(found, WdbcError):
                failures.append(found)
                logs.logger.warning("%s", found.what)
                continue
            keep(checkpoints, unit, found)
            outcomes[unit] = found
            report(len(outcomes) + len(failures), len(units))
    if failures:
        raise _refusal(failures, len(units))
    predictions, winners = cross_validation.assembled(frame, outcomes)
    return cross_validation.CrossValidation(predictions, winners, comparison.summary(predictions))


def keep(checkpoints: Checkpoints, unit: Unit, outcome: Outcome) -> None:
    """Put what a unit found onto the checkpoints, so that it is not done again."""
    checkpoints.put(_name(unit), {"winner": outcome.winner, "probabilities": outcome.probabilities})


def _kept(checkpoints: Checkpoints, units: Sequence[Unit], y: "np.ndarray") -> dict[Unit, Outcome]:
    """Take from the checkpoints what are outcomes of these units; anything else there is done again."""
    fold_of = {repeat: cross_validation.folds(y, repeat) for repeat in {unit.repeat for unit in units}}
    outcomes = {}
    for unit in units:
        match checkpoints.get(_name(unit)):
            case {"winner": dict(winner), "probabilities": list(probabilities)}:
                if len(probabilities) == (fold_of[unit.repeat] == unit.fold).sum():
                    outcomes[unit] = Outcome(winner, tuple(probabilities))
    return outcomes


def _name(unit: Unit) -> str:
    return f"{unit.recipe}-{unit.repeat}-{unit.fold}"


def _refusal(failures: Sequence[WdbcError], total: int) -> WdbcError:
    shown = "; ".join(failure.what for failure in failures[:_FAILURES_NAMED])
    more = f"; and {len(failures) - _FAILURES_NAMED} more" if len(failures) > _FAILURES_NAMED else ""
    return WdbcError(
        f"{len(failures)} of {total} folds could not be judged: {shown}{more}",
        where=failures[0].where,
        hint=f"{failures[0].hint} The other folds are kept, and are not done again.",
    )


def _outcomes(
    units: Sequence[Unit], frame: "pd.DataFrame", workers: int
) -> Generator[tuple[Unit, Outcome | WdbcError]]:
    if min(workers, len(units)) < 2:
        yield from ((unit, _evaluate(frame, unit)) for unit in units)
        return
    pool = ProcessPoolExecutor(
        min(workers, len(units)),
        mp_context=multiprocessing.get_context("spawn"),  # a fork would copy locks that other threads hold
        initializer=_begin,
        initargs=(frame,),
    )
    try:
        futures = {pool.submit(_evaluate_here, unit): unit for unit in units}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        raise WdbcError(
            "a process of the evaluation died, perhaps for want of memory",
            hint="Try again with `--workers 1`. The folds that are done are kept.",
        ) from None
    except BaseException:  # interrupted: what is in work would be waited for, and not be kept
        for worker in multiprocessing.active_children():
            worker.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _evaluate(frame: "pd.DataFrame", unit: Unit) -> Outcome | WdbcError:
    try:
        return cross_validation.evaluate_fold(frame, unit)
    except WdbcError as error:
        error.__cause__ = None  # a worker's cause may be something that cannot travel
        return error


_of_this_process: dict[str, Any] = {}


def _begin(frame: "pd.DataFrame") -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    _of_this_process["frame"] = frame


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _evaluate_here(unit: Unit) -> Outcome | WdbcError:
    return _evaluate(_of_this_process["frame"], unit)
