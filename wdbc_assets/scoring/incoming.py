"""Reads a file as an incoming batch: valid rows become a table, the others are set aside."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.data import contract, incoming
from wdbc_assets.domain.data.failures import SHOWN, Failure
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.rules import rows
from wdbc_assets.domain.rules.incoming import ROWS_CAN_BE_READ
from wdbc_assets.scoring import readers
from wdbc_assets.scoring.batches import MalformedRow

if TYPE_CHECKING:
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
    import pandas as pd

    read_rows = set_aside = 0
    measurements, ids = [], list[str]()
    violated: dict[str, list[Failure]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    with readers.open_source(path) as batches:
        for batch in batches:
            valid, broken = rows.validate(batch.X)
            for rule, violation in _failures(batch, broken):
                counts[rule] += 1
                if len(violated[rule]) < SHOWN:
                    violated[rule].append(_described(batch, violation))
            measurements.append(batch.X[valid])
            ids += _pseudonyms(batch.ids, valid, pseudonym)
            read_rows += batch.rows
            set_aside += batch.rows - int(valid.sum())
    if read_rows == set_aside:
        raise _without_patients(path, read_rows, counts)
    table = pd.DataFrame(np.concatenate(measurements), columns=list(contract.FEATURES))
    table.insert(0, contract.ID, pd.Series(ids, dtype="str"))
    violations = (incoming.Violation(rule, counts[rule], tuple(found)) for rule, found in violated.items())
    return incoming.IncomingBatch(table, read_rows, set_aside, tuple(violations))


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
            yield pseudonym(_text(patient))


def _text(patient: object) -> str:
    """Return an id as text, the same for 842302 in a CSV file and for 842302.0 in a Parquet file."""
    if isinstance(patient, float):
        return str(int(patient)) if patient.is_integer() else "" if patient != patient else str(patient)
    return "" if patient is None else str(patient).strip()


def _without_patients(path: str, count: int, violated: dict[str, int]) -> WdbcError:
    reasons = ", ".join(f"{rule} {times:,} times" for rule, times in sorted(violated.items()))
    return WdbcError(
        f"none of its rows can be scored: {reasons}" if count else "it has no rows",
        where=path,
        hint="Pass a table with at least one patient whose measurements keep the rules.",
    )
