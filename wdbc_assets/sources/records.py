"""JSON records of a topic as rows of a table: what is a patient becomes a line, everything else is set aside.

A topic cannot be corrected, so a record that cannot be used must not stop the others: it is set aside with its
partition, its offset and the reason, without any value. The table is in the order of the ids, so that it does not
matter in how many reads, and from which partitions, the same records came.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from wdbc_assets.domain.data import contract, row_text
from wdbc_assets.domain.data.csv_layouts import NotATable
from wdbc_assets.sources.origin import SetAside

_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Record:
    """A message: its place in the topic and its bytes."""

    partition: int
    offset: int
    value: bytes | None


class Unusable(Exception):
    """A record is no patient; the message says why, without a value."""


def merged(stored: bytes, records: Iterable[Record]) -> tuple[bytes, list[SetAside]]:
    """Return the stored table with the records added, and the records that are set aside.

    A record that equals a row is a repetition, and changes nothing. One with the id of another row is set aside.
    """
    rows = {int(line.partition(b",")[0]): line for line in stored.splitlines(keepends=True)}
    aside: list[SetAside] = []
    read: list[tuple[Record, bytes]] = []
    for record in records:
        try:
            read.append((record, _line(record.value)))
        except Unusable as error:
            aside.append(SetAside(record.partition, record.offset, str(error)))
    broken = _broken([line for _, line in read])
    for number, (record, line) in enumerate(read):
        identifier = int(line.partition(b",")[0])
        reason = broken.get(number)
        if reason is None and rows.setdefault(identifier, line) != line:
            reason = "an earlier record has the same id and other values"
        if reason is not None:
            aside.append(SetAside(record.partition, record.offset, reason))
    return b"".join(rows[identifier] for identifier in sorted(rows)), sorted(aside)


def _line(value: bytes | None) -> bytes:
    if value is None:
        raise Unusable("it has no value")
    try:
        content = json.loads(value)
    except (ValueError, RecursionError):
        raise Unusable("it is not JSON in UTF-8") from None
    if not isinstance(content, dict):
        raise Unusable("it is not a JSON object")
    try:
        order = row_text.places(list(content), strict=False)
        values = list(content.values())
        line = next(row_text.of_values([values], order))
    except NotATable as error:
        raise Unusable(error.what.replace("the header", "it", 1)) from None
    return _checked(line, [values[place] for place in order])


def _checked(line: bytes, values: list[Any]) -> bytes:
    identifier, diagnosis, *measurements = values
    if identifier is None or not 0 < int(identifier) <= _LARGEST_ID:
        raise Unusable("its id is not above 0")
    if diagnosis not in contract.LABELS:
        raise Unusable("its diagnosis is neither M nor B")
    missing = [name for name, value in zip(contract.FEATURES, measurements, strict=True) if value is None]
    if missing:
        raise Unusable(f"it has no {missing[0]}")
    return line


def _broken(lines: list[bytes]) -> dict[int, str]:
    """Return which rows break a rule of the cells, which the table as a whole would be refused for."""
    if not lines:
        return {}
    import numpy as np

    from wdbc_assets.domain.rules import screening

    X = np.array([line.split(b",")[2:] for line in lines], dtype=float)
    reasons: dict[int, str] = {}
    for fault in screening.faults(X):
        reasons.setdefault(fault.position, f"its {fault.column} breaks the rule {fault.rule}")
    return reasons
