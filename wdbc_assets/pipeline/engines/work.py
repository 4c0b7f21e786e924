"""The work of an asset, unit by unit. Each finished unit becomes a checkpoint and is never computed twice."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from wdbc_assets import logs
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline.engines.engine import Engine, Lost, OutcomeT, UnitT, completed
from wdbc_assets.store import parsing
from wdbc_assets.store.checkpoints import Checkpoints

_FAILURES_NAMED = 5


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
    work: Work[UnitT, OutcomeT], *, engine: Engine, checkpoints: Checkpoints, report: Callable[[int, int], None]
) -> dict[UnitT, OutcomeT]:
    """Return the outcome of each unit; those that have a checkpoint are not computed again.

    `report(done, total)` is called after each unit. A failed unit does not stop the others.

    Raises:
        WdbcError: At least one unit failed, and the message names units and reasons; or the engine was lost.
    """
    outcomes = work.kept(checkpoints)
    total = len(work.units)
    if outcomes:
        logs.logger.info("%d of %d %s were finished before", len(outcomes), total, work.noun, extra={"event": "note"})
    failures: list[WdbcError] = []
    left = [unit for unit in work.units if unit not in outcomes]
    computed = completed(engine, work.run, work.task, left, noun=work.noun)
    # Closed here: an interruption would otherwise keep the iterator, and with it the workers, alive until exit.
    with saying_what_is_kept(work.noun), contextlib.closing(computed) as results:
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


@contextlib.contextmanager
def saying_what_is_kept(noun: str) -> Iterator[None]:
    """Say in the error of a lost engine that the finished units are checkpoints."""
    try:
        yield
    except Lost as error:
        error.hint = f"{error.hint} Finished {noun} are stored and will not be computed again."
        raise


def _refusal(failures: Sequence[WdbcError], total: int, noun: str) -> WdbcError:
    shown = "; ".join(failure.what for failure in failures[:_FAILURES_NAMED])
    more = f"; and {len(failures) - _FAILURES_NAMED} more" if len(failures) > _FAILURES_NAMED else ""
    return WdbcError(
        f"{len(failures)} of {total} {noun} could not be evaluated: {shown}{more}",
        where=failures[0].where,
        hint=f"{failures[0].hint} The other {noun} are stored and will not be computed again.",
    )
