"""Reads a file as an incoming batch: valid rows become a table, the others are set aside."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract, incoming
from wdbc_assets.domain.data.failures import SHOWN, Failure
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.rules import rows
from wdbc_assets.domain.rules.incoming import ROWS_CAN_BE_READ
from wdbc_assets.scoring import readers
from wdbc_assets.scoring.batches import MalformedRow
from wdbc_assets.store import table_files

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    from wdbc_assets.scoring.batches import Batch


def read(path: str, *, pseudonym: Callable[[str], str]) -> incoming.IncomingBatch:
    """Read a whole file.

    Args:
        path: A file that `readers` can open; its diagnoses and unknown columns are ignored.
        pseudonym: Returns what stands in place of a patient's id.

    Raises:
        WdbcError: the file cannot be read, or none of its rows can be scored.
    """
    counted = _Counts()
    with readers.open_source(path) as batches:
        patients = table_files.write(_patients(batches, pseudonym, counted))
    if not patients.rows:
        raise _without_patients(path, counted.rows, counted.counts)
    return incoming.IncomingBatch(patients, counted.rows, counted.rows - patients.rows, tuple(counted.violations()))


class _Counts:
    """The rows so far, and how often each rule was violated, with the first failures of each."""

    def __init__(self) -> None:
        self.rows = 0
        self.counts: dict[str, int] = defaultdict(int)
        self._failures: dict[str, list[Failure]] = defaultdict(list)

    def add(self, batch: "Batch", broken: list[rows.BrokenRule]) -> None:
        self.rows += batch.rows
        for rule, violation in _failures(batch, broken):
            self.counts[rule] += 1
            if len(self._failures[rule]) < SHOWN:
                self._failures[rule].append(_described(batch, violation))

    def violations(self) -> Iterator[incoming.Violation]:
        for rule, failures in self._failures.items():
            yield incoming.Violation(rule, self.counts[rule], tuple(failures))


def _patients(
    batches: Iterable["Batch"], pseudonym: Callable[[str], str], counted: _Counts
) -> "Iterator[pd.DataFrame]":
    """Yield a table of the valid rows of each batch, and count the others."""
    import pandas as pd

    for batch in batches:
        valid, broken = rows.validate(batch.X)
        counted.add(batch, broken)
        table = pd.DataFrame(batch.X[valid], columns=list(contract.FEATURES))
        ids = list(_pseudonyms(batch.ids, valid, pseudonym))
        table.insert(0, contract.ID, pd.Series(ids, dtype="str"))
        yield table


def require_readable(path: str, *, whole: bool) -> None:
    """Raise WdbcError if a file is not a batch. Unless `whole`, read only its header and its first rows."""
    counts: dict[str, int] = defaultdict(int)
    read_rows = scored = 0
    with readers.open_source(path) as batches:
        for batch in batches:
            valid, broken = rows.validate(batch.X)
            scored += int(valid.sum())
            if scored and not whole:
                return
            read_rows += batch.rows
            for rule, _ in _failures(batch, broken):
                counts[rule] += 1
    if not scored:
        raise _without_patients(path, read_rows, counts)


def _failures(batch: "Batch", broken: list[rows.BrokenRule]) -> Iterator[tuple[str, MalformedRow | rows.BrokenRule]]:
    """Yield each violation of a batch with its rule."""
    for malformed in batch.malformed:
        yield ROWS_CAN_BE_READ.name, malformed
    for cell in broken:
        yield cell.rule, cell


def _described(batch: "Batch", violation: MalformedRow | rows.BrokenRule) -> Failure:
    if isinstance(violation, MalformedRow):
        return Failure(violation.row, "", violation.content)
    text = batch.text(violation.position, violation.column)
    return Failure(batch.number(violation.position), violation.column, text)


def _pseudonyms(ids: "pa.Array | None", valid: "np.ndarray", pseudonym: Callable[[str], str]) -> Iterator[str]:
    if ids is None:
        yield from ("" for _ in range(int(valid.sum())))
        return
    for kept, patient in zip(valid.tolist(), ids.to_pylist(), strict=True):
        if kept:
            yield pseudonym(incoming.identifier(patient))


def _without_patients(path: str, count: int, violated: dict[str, int]) -> WdbcError:
    reasons = ", ".join(f"{rule} {times:,} times" for rule, times in sorted(violated.items()))
    return WdbcError(
        f"none of its rows can be scored: {reasons}" if count else "it has no rows",
        where=path,
        hint="Pass a table with at least one patient whose measurements keep the rules.",
    )
