"""JSON records of a topic as rows of a table: what is a patient becomes a line, everything else is set aside.

A topic cannot be corrected, so a record that cannot be used must not stop the others: it is set aside with its
partition, its offset and the reason, without any value. The table is in the order of the ids, so that it does not
matter in how many reads, and from which partitions, the same records came.
"""

import functools
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from wdbc_assets.domain.data import contract, row_text
from wdbc_assets.domain.data.csv_layouts import NotATable
from wdbc_assets.sources import large_tables
from wdbc_assets.sources.origin import SetAside

_LARGEST_ID = 2**63 - 1
_RECORDS_AT_ONCE = 2**10
_NO_PLACE = b",,"
"""Before the lines of the stored table, which no longer have a partition and an offset."""


@dataclass(frozen=True)
class Record:
    """A message: its place in the topic and its bytes."""

    partition: int
    offset: int
    value: bytes | None


class Unusable(Exception):
    """A record is no patient; the message says why, without a value."""


def merged(
    stored: Iterable[bytes],
    records: Iterable[Record],
    set_aside: Callable[[SetAside], None],
    report: Callable[[str], None] = lambda _: None,
) -> Iterator[bytes]:
    """Yield the lines of the stored table with those of the records among them; call `set_aside` for the other records.

    A record that equals a row is a repetition, and changes nothing. One with the id of another row is set aside.
    `report` receives the number of rows from time to time.

    Raises:
        WdbcError: a temporary file cannot be written or read.
    """
    places = large_tables.in_order(
        _usable(records, set_aside), _id, among=(_NO_PLACE + line for line in stored), report=report
    )
    last_id = last = b""
    for place in places:
        partition, offset, line = place.split(b",", 2)
        identifier = line.partition(b",")[0]
        if identifier != last_id:
            last_id, last = identifier, line
            yield line
        elif line != last:
            set_aside(SetAside(int(partition), int(offset), "an earlier record has the same id and other values"))


def _id(place: bytes) -> int:
    return int(place.split(b",", 3)[2])


def _usable(records: Iterable[Record], set_aside: Callable[[SetAside], None]) -> Iterator[bytes]:
    """Yield the lines of the records that are patients, each after its partition and offset."""
    left = iter(records)
    while part := list(itertools.islice(left, _RECORDS_AT_ONCE)):
        read: list[tuple[Record, bytes]] = []
        for record in part:
            try:
                read.append((record, _line(record.value)))
            except Unusable as error:
                set_aside(SetAside(record.partition, record.offset, str(error)))
        broken = _broken([line for _, line in read])
        for number, (record, line) in enumerate(read):
            if number in broken:
                set_aside(SetAside(record.partition, record.offset, broken[number]))
            else:
                yield b"%d,%d,%s" % (record.partition, record.offset, line)


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
        order = _order(tuple(content))
        values = list(content.values())
        line = next(row_text.of_values([values], order))
    except NotATable as error:
        raise Unusable(error.what.replace("the header", "it", 1)) from None
    return _checked(line, [values[place] for place in order])


@functools.lru_cache(maxsize=16)
def _order(names: tuple[str, ...]) -> list[int]:
    """Return where the columns are. The records of a topic have the same names, whose reading takes longest."""
    return row_text.places(names, strict=False)


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
