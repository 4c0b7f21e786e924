"""Records of a topic as lines of a table, without a broker."""

import itertools
import json
import tracemalloc
from collections.abc import Iterator

import pytest

from wdbc_assets.sources import large_tables, records
from wdbc_assets.sources.origin import SetAside
from wdbc_assets.sources.records import Record
from wdbc_assets_tests.builders import patient
from wdbc_assets_tests.sources.builders import short


def _records(number: int) -> Iterator[Record]:
    """Yield patients whose ids go down."""
    body = json.dumps(patient(id=-1))
    for offset in range(number):
        yield Record(0, offset, body.replace("-1", str(number - offset), 1).encode())


def _peak(rows: int) -> int:
    """Return the most memory that is taken while so many records are added to a table of as many rows."""
    lines = (b"%d,%s" % (rows + place, b"0" * 200 + b"\n") for place in range(1, rows + 1))
    tracemalloc.start()
    try:
        merged = records.merged(lines, _records(rows), lambda _: None)
        assert large_tables.collect(merged, short(rows_in_memory=100), where="").rows == 2 * rows  # type: ignore[union-attr]
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_records_nor_with_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_tables, "_RUN", 250)
    monkeypatch.setattr(large_tables, "_READ_AT_ONCE", 2**10)
    monkeypatch.setattr(records, "_RECORDS_AT_ONCE", 100)
    _peak(1000)  # what is imported for it is not counted
    more_bytes = 2 * (6000 - 2000) * 200
    assert _peak(6000) - _peak(2000) < more_bytes / 4


def test_a_topic_of_other_records_is_not_read_to_its_end() -> None:
    class TooMany(Exception):
        pass

    def refuse(record: SetAside) -> None:
        raise TooMany

    endless = (Record(0, offset, b"{}") for offset in itertools.count())
    with pytest.raises(TooMany):
        list(records.merged([], endless, refuse))
    assert next(endless).offset == records._RECORDS_AT_ONCE


def test_records_with_other_names_of_the_columns_are_read_by_their_own_names() -> None:
    first, second = patient(id=1), dict(reversed(patient(id=2).items()))
    values = [
        json.dumps(one).encode() for one in (first, second, {"ID": 3} | {k: v for k, v in first.items() if k != "id"})
    ]
    made = list(records.merged([], [Record(0, offset, value) for offset, value in enumerate(values)], lambda _: None))
    rest = made[0].partition(b",")[2]
    assert made == [b"%d,%s" % (identifier, rest) for identifier in (1, 2, 3)]
