"""One attempt to read a topic: which offsets are to be read, and their records."""

import io
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from wdbc_assets.domain.data.lines import LinesFile
from wdbc_assets.sources import large_tables, limits, records
from wdbc_assets.sources.errors import SourceRefused
from wdbc_assets.sources.origin import Offsets, Origin, Received, SetAside, Snapshot, TopicOrigin
from wdbc_assets.sources.records import Record

if TYPE_CHECKING:
    from confluent_kafka import Consumer

MOST_SET_ASIDE = 1000
"""With more records that are no patients, the topic is the wrong one."""

_AT_ONCE = 500
_JSON_PER_TEXT = 20  # a record names its 32 fields, and may have others
_GRACE_SECONDS = 2.0  # librdkafka itself waits and connects again


@dataclass(frozen=True)
class Plan:
    """Which offsets to read of each partition, and the ones that expired unread."""

    spans: Mapping[int, Offsets]
    gaps: tuple[SetAside, ...] = ()


class Reader:
    """One attempt to read a topic. Errors of librdkafka are raised as its KafkaException."""

    def __init__(
        self, topic: str, consumer: "Consumer", bounds: limits.Limits, stop: threading.Event, *, where: str
    ) -> None:
        self._topic = topic
        self._consumer = consumer
        self._bounds = bounds
        self._stop = stop
        self._where = where

    def ends(self) -> dict[int, int]:
        """Return the end of each partition: the offset of the next record."""
        return {partition: high for partition, (_, high) in self._held().items()}

    def received(
        self,
        known: Origin | None,
        until: Origin | None,
        stored: Callable[[], Snapshot | None],
        *,
        accepts_gap: bool,
        report: Callable[[str], None],
    ) -> Received | None:
        """Return the stored table and the records since then; None if there are none, and the table is the known one.

        Args:
            known: the origin of an up-to-date table.
            until: the origin of a table that is to be read again as it was.
            stored: returns the stored table, if it comes from this topic.
            accepts_gap: whether records that expired unread are given up.
            report: receives the number of rows from time to time.

        Raises:
            SourceRefused: the topic no longer holds what is to be read, or too much of it is unusable.
            WdbcError: a temporary file cannot be written.
        """
        held = self._held()
        if known is not None and until is None and ends_of(known) == {place: high for place, (_, high) in held.items()}:
            return None
        table = stored()
        before = (table and table.origin.topic) or TopicOrigin()
        plan = self._again(held, until) if until else self._onwards(held, before, accepts_gap=accepts_gap)
        aside: list[SetAside] = []

        def set_aside(record: SetAside) -> None:
            aside.append(record)
            if len(before.set_aside) + len(plan.gaps) + len(aside) > MOST_SET_ASIDE:
                what = f"more than {MOST_SET_ASIDE:,} records are no patients; of the last: {record.reason}"
                raise self._refused(what, "Check that this is the right topic, and what its producers send.")

        lines = records.merged(_lines(table), self._records(plan.spans), set_aside, report)
        content = large_tables.collect(self._until_stopped(lines), self._bounds, where=self._where)
        starts = {partition: start for partition, (start, _) in before.offsets}
        offsets = ((place, (starts.get(place, start), end)) for place, (start, end) in sorted(plan.spans.items()))
        all_aside = (*before.set_aside, *plan.gaps, *sorted(aside))
        return Received(content, topic=TopicOrigin(offsets=tuple(offsets), set_aside=all_aside))

    def _held(self) -> dict[int, Offsets]:
        """Return which offsets each partition holds."""
        from confluent_kafka import KafkaException, TopicPartition

        seconds = self._bounds.connect_seconds
        found = self._consumer.list_topics(self._topic, timeout=seconds).topics[self._topic]
        if found.error is not None:
            raise KafkaException(found.error)
        return {
            partition: self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), timeout=seconds)
            for partition in sorted(found.partitions)
        }

    def _onwards(self, held: Mapping[int, Offsets], before: TopicOrigin, *, accepts_gap: bool) -> Plan:
        read_up_to = {partition: end for partition, (_, end) in before.offsets}
        again = "The topic was created again or truncated: use another store, or remove raw_data, to begin with it."
        if gone := read_up_to.keys() - held.keys():
            raise self._refused(f"partition {min(gone)}, which was read, no longer exists", again)
        spans, gaps = {}, []
        for partition, (low, high) in held.items():
            start = read_up_to.get(partition, low)
            if start > high:
                what = f"partition {partition} ends at offset {high}, but was read up to {start}"
                raise self._refused(what, again)
            if start < low:
                gaps.append(SetAside(partition, start, f"it and all before offset {low} expired unread"))
            spans[partition] = (max(start, low), high)
        if gaps and not accepts_gap:
            place, end = gaps[0], spans[gaps[0].partition][0] - 1
            raise self._refused(
                f"offsets {place.offset} to {end} of partition {place.partition} expired before they were read",
                "Produce those records again and give up the offsets with ?gap=accept in the address.",
            )
        return Plan(spans, tuple(gaps))

    def _again(self, held: Mapping[int, Offsets], until: Origin) -> Plan:
        spans = dict(until.topic.offsets) if until.topic else {}
        for partition, (start, end) in spans.items():
            low, high = held.get(partition, (0, 0))
            if start < low or end > high:
                what = f"the topic no longer holds offsets {start} to {end - 1} of partition {partition}"
                raise self._refused(what, "The table was read when it did; its stored copy is verified by its digest.")
        return Plan(spans)

    def _refused(self, what: str, hint: str) -> SourceRefused:
        return SourceRefused(what, where=self._where, hint=hint)

    def _records(self, spans: Mapping[int, Offsets]) -> Iterator[Record]:
        """Yield the records within these offsets, of each partition in their order."""
        from confluent_kafka import TopicPartition

        left = {partition: end for partition, (start, end) in spans.items() if start < end}
        if left:
            self._consumer.assign([TopicPartition(self._topic, place, spans[place][0]) for place in left])
        size = 0
        while left:
            for record, is_end in self._consumed():
                end = left.get(record.partition)
                if end is None:
                    continue
                if not is_end and record.offset < end:
                    size += len(record.value or b"")
                    yield record
                # A transaction ends with a record that is not delivered: then the end of the partition tells.
                if record.offset >= (end if is_end else end - 1):
                    del left[record.partition]
            if size > _JSON_PER_TEXT * self._bounds.largest_bytes:
                raise limits.too_large(self._bounds.largest_bytes, where=self._where)

    def _until_stopped(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        for line in lines:
            if self._stop.is_set():
                raise _timed_out()
            yield line

    def _consumed(self) -> Iterator[tuple[Record, bool]]:
        """Yield what arrives next: each record, or the end of a partition."""
        from confluent_kafka import KafkaError, KafkaException

        end = time.monotonic() + self._bounds.read_seconds + _GRACE_SECONDS
        while not (messages := self._consumer.consume(_AT_ONCE, timeout=0.1)) or self._stop.is_set():
            if self._stop.is_set() or time.monotonic() > end:
                raise _timed_out()
        for message in messages:
            error = message.error()
            is_end = error is not None and error.code() == KafkaError._PARTITION_EOF  # noqa: SLF001
            if error is not None and not is_end:
                raise KafkaException(error)
            partition, offset = cast("int", message.partition()), cast("int", message.offset())
            yield Record(partition, offset, None if is_end else message.value()), is_end


def _timed_out() -> Exception:
    from confluent_kafka import KafkaError, KafkaException

    return KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 -- a code of librdkafka's own


def _lines(table: Snapshot | None) -> Iterator[bytes]:
    """Yield the lines of a stored table."""
    if table is not None:
        content = table.content
        parts = (part for _, part in content.parts()) if isinstance(content, LinesFile) else (content,)
        for part in parts:
            yield from io.BytesIO(part)


def ends_of(known: Origin) -> dict[int, int]:
    """Return up to where each partition was read."""
    return {partition: end for partition, (_, end) in known.topic.offsets} if known.topic else {}
