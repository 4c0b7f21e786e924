"""A topic as a source, against librdkafka's mock cluster over TCP."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wdbc_assets import sources
from wdbc_assets.domain.data import reading
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.sources import (
    Origin,
    Snapshot,
    SourceRefused,
    SourceUnavailable,
    UnknownSource,
    deadline,
    kafka_reader,
    large_tables,
    records,
)
from wdbc_assets.sources.origin import SetAside
from wdbc_assets_tests import builders, kafka_broker
from wdbc_assets_tests.builders import patient
from wdbc_assets_tests.kafka_broker import Topic
from wdbc_assets_tests.sources.builders import Fetching, short


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with kafka_broker.running() as running:
        yield running


@pytest.fixture
def topic(cluster: Any) -> Topic:
    return Topic(*cluster)


def read(fetch: Fetching, topic: Topic, stored: Snapshot | None = None, *, query: str = "", **options: Any) -> Any:
    """Read on from a stored table."""
    return fetch(topic.url + query, short(read_seconds=5.0, total_seconds=60), stored=lambda: stored, **options)


def test_the_records_of_all_partitions_are_one_table_in_the_order_of_the_ids(topic: Topic, fetch: Fetching) -> None:
    patients = kafka_broker.published()[::-1]
    for partition in range(4):
        topic.send_patients(*patients[partition::4], partition=partition)
    found = read(fetch, topic)
    assert reading.read(found.content).frame.equals(builders.published())
    assert found.origin.topic.offsets == ((0, (0, 143)), (1, (0, 142)), (2, (0, 142)), (3, (0, 142)))
    assert Origin.from_json(json.loads(json.dumps(found.origin.to_json()))) == found.origin


@pytest.mark.fault("S11")
def test_new_records_are_added_to_the_stored_table_and_old_ones_are_not_read_again(
    topic: Topic, fetch: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic.send_patients(patient(id=3), patient(id=1))
    first = read(fetch, topic)
    assert read(fetch, topic, first, known=first.origin) is None
    assert sources.parse(topic.url).fingerprint(first.origin) == first.origin.sha256
    topic.send_patients(patient(id=2), partition=1)
    assert sources.parse(topic.url).fingerprint(first.origin) != first.origin.sha256
    seen: list[tuple[int, int]] = []
    original = kafka_reader.Reader._records

    def noted(self: Any, spans: Any) -> Iterator[Any]:
        for record in original(self, spans):
            seen.append((record.partition, record.offset))
            yield record

    monkeypatch.setattr(kafka_reader.Reader, "_records", noted)
    second = read(fetch, topic, first)
    assert [line.partition(b",")[0] for line in second.content.splitlines()] == [b"1", b"2", b"3"]
    assert seen == [(1, 0)]
    monkeypatch.undo()
    assert read(fetch, topic).content == second.content  # in one read as in two


def test_a_large_table_is_read_on_from_a_file(topic: Topic, fetch: Fetching) -> None:
    limits = short(read_seconds=5.0, total_seconds=60, rows_in_memory=1)
    topic.send_patients(patient(id=3), patient(id=1))
    first = fetch(topic.url, limits)
    topic.send_patients(patient(id=2), partition=1)
    second = fetch(topic.url, limits, stored=lambda: first)
    assert (first.content.rows, second.content.rows) == (2, 3)
    assert second.content.read() == read(fetch, topic).content


def test_records_in_many_runs_give_the_table_and_origin_of_one_run(
    topic: Topic, fetch: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = patient(id=5, texture_mean=19.0)
    topic.send_patients(*(patient(id=one) for one in (5, 3, 9, 3)), changed, patient(id=7), changed)
    stored, whole = read(fetch, topic), short(read_seconds=5.0, total_seconds=60, rows_in_memory=1)
    topic.send_patients(patient(id=5), changed, *(patient(id=one) for one in (8, 9, 2, 8, 1)), patient(id=0))
    expected = read(fetch, topic, stored)
    assert [one.offset for one in expected.origin.topic.set_aside] == [4, 6, 8, 14]
    monkeypatch.setattr(large_tables, "_RUN", 2)
    monkeypatch.setattr(large_tables, "_RUNS_REPORTED", 3)
    monkeypatch.setattr(records, "_RECORDS_AT_ONCE", 3)
    fetch.reported.clear()
    found = fetch(topic.url, whole, stored=lambda: stored)
    assert found.content.read() == expected.content
    assert found.origin == expected.origin
    assert fetch.reported[0] == "6 rows read"
    assert fetch(topic.url, whole).origin == expected.origin  # all in one read


@pytest.mark.fault("S07")
def test_a_topic_is_refused_as_soon_as_its_table_is_too_large(topic: Topic, fetch: Fetching) -> None:
    topic.send_patients(patient(id=1), patient(id=2))
    size = read(fetch, topic).origin.bytes
    with pytest.raises(SourceRefused, match=f"the content is larger than {size - 1} bytes"):
        fetch(topic.url, short(read_seconds=5.0, total_seconds=60, largest_bytes=size - 1))


@pytest.mark.fault("F04")
def test_a_disk_that_is_full_of_records_is_no_fault_of_the_topic(
    topic: Topic, fetch: Fetching, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    topic.send_patients(patient(id=1))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(WdbcError, match="a temporary file cannot be written: No such file") as raised:
        read(fetch, topic)
    assert type(raised.value) is WdbcError
    assert fetch.waits.asked == []


@pytest.mark.fault("S02")
@pytest.mark.parametrize("where", ["_consumed", "_until_stopped"])
def test_a_read_that_takes_too_long_ends_although_records_keep_coming(
    topic: Topic, fetch: Fetching, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    topic.send_patients(patient(id=1))
    original = getattr(kafka_reader.Reader, where)

    def slow(self: Any, *lines: Any) -> Iterator[Any]:
        assert self._stop.wait(10)
        return original(self, *lines)  # type: ignore[no-any-return]

    monkeypatch.setattr(kafka_reader.Reader, where, slow)
    with pytest.raises(SourceUnavailable, match="no complete response within 1 s"):
        fetch(topic.url, short(read_seconds=5.0, total_seconds=1.0))
    for thread in threading.enumerate():
        if thread.name == deadline.THREAD_NAME:
            thread.join(10)
            assert not thread.is_alive()


def test_a_verification_reads_up_to_the_stated_offsets(topic: Topic, fetch: Fetching) -> None:
    topic.send_patients(patient(id=1), patient(id=2))
    found = read(fetch, topic)
    topic.send_patients(patient(id=3))
    assert read(fetch, topic, until=found.origin) == found
    assert len(read(fetch, topic).content.splitlines()) == 3


def test_what_arrives_during_the_read_is_left_for_the_next_one(
    topic: Topic, fetch: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic.send_patients(patient(id=1))
    original = kafka_reader.Reader._records

    def interrupted(self: Any, spans: Any) -> Any:
        topic.send_patients(patient(id=2))
        return original(self, spans)

    monkeypatch.setattr(kafka_reader.Reader, "_records", interrupted)
    found = read(fetch, topic)
    assert found.origin.topic.offsets[0] == (0, (0, 1))
    assert len(found.content.splitlines()) == 1


@pytest.mark.fault("S19")
def test_a_record_that_is_no_patient_is_set_aside_with_its_offset_and_reason(topic: Topic, fetch: Fetching) -> None:
    lacking = patient(id=2)
    del lacking["area_se"]
    topic.send(b"{", None, b"[1]", b"\xff", b"[" * 100_000, json.dumps(lacking).encode())
    topic.send_patients(
        patient(id=1), patient(id=2, radius_mean="17.9"), patient(id=0), patient(id="x"), patient(id=2, diagnosis="X"),
        patient(id=2, radius_mean=None), patient(id=2, radius_mean=float("nan")), patient(id=2, radius_mean=-1.0),
        patient(id=10**30), patient(id=1), patient(id=1, texture_mean=19.0), patient(id=4),
    )  # fmt: skip
    found = read(fetch, topic)
    assert [line.partition(b",")[0] for line in found.content.splitlines()] == [b"1", b"4"]
    assert {one.offset: one.reason for one in found.origin.topic.set_aside} == {
        0: "it is not JSON in UTF-8",
        1: "it has no value",
        2: "it is not a JSON object",
        3: "it is not JSON in UTF-8",
        4: "it is not JSON in UTF-8",
        5: "it lacks area_se",
        7: "the column radius_mean holds text; numbers are needed",
        8: "its id is not above 0",
        9: "the column id holds text; whole numbers are needed",
        10: "its diagnosis is neither M nor B",
        11: "it has no radius_mean",
        12: "its radius_mean breaks the rule cells_are_numbers",
        13: "its radius_mean breaks the rule nothing_is_negative",
        14: "its id is not above 0",
        16: "an earlier record has the same id and other values",
    }
    assert "17.9" not in str(found.origin)
    assert fetch.reported[0].startswith("15 records are set aside, the last one at offset 16 of partition 0: an")
    topic.send(b"no patient")
    again = read(fetch, topic, found, known=found.origin)
    assert again.content == found.content
    assert not again.origin.says_the_same(found.origin)
    assert again.origin.topic.set_aside == (*found.origin.topic.set_aside, SetAside(0, 18, "it is not JSON in UTF-8"))


@pytest.mark.fault("S19")
def test_a_topic_of_other_records_is_refused(topic: Topic, fetch: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_reader, "MOST_SET_ASIDE", 3)
    topic.send(*[b"{}"] * 3)
    with pytest.raises(SourceRefused, match="the source is not a table but empty content"):
        read(fetch, topic)
    topic.send(b"{}")
    with pytest.raises(SourceRefused, match="more than 3 records are no patients; of the last: it lacks id, diag"):
        read(fetch, topic)


def expired(topic: Topic) -> int:
    """Fill a partition until the broker drops its first records; return the first offset that is left."""
    topic.send(*[b"x" * 900_000] * 8)
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": topic.brokers, "group.id": "test"})
    low, _ = consumer.get_watermark_offsets(TopicPartition(topic.name, 0), timeout=10)
    consumer.close()
    assert low > 2
    return int(low)


@pytest.mark.fault("S19")
def test_records_that_expired_unread_are_refused_unless_they_are_given_up(topic: Topic, fetch: Fetching) -> None:
    topic.send_patients(patient(id=1))
    stored = read(fetch, topic)
    topic.send_patients(patient(id=2))
    low = expired(topic)
    with pytest.raises(
        SourceRefused, match=f"offsets 1 to {low - 1} of partition 0 expired before they were read"
    ) as raised:
        read(fetch, topic, stored)
    assert "?gap=accept" in raised.value.hint
    assert fetch.waits.asked == []
    found = read(fetch, topic, stored, query="?gap=accept")
    assert found.content == stored.content
    assert found.origin.topic.set_aside[0] == SetAside(0, 1, f"it and all before offset {low} expired unread")
    with pytest.raises(SourceRefused, match="the topic no longer holds offsets 0 to 0 of partition 0"):
        read(fetch, topic, until=stored.origin)


@pytest.mark.fault("S19")
def test_a_topic_that_was_created_again_is_refused(topic: Topic, cluster: Any, fetch: Fetching) -> None:
    topic.send_patients(patient(id=1), patient(id=2))
    stored = read(fetch, topic)
    other = Topic(*cluster)
    other.send_patients(patient(id=1))
    moved = stored.origin.to_json() | {"shown": other.url}
    with pytest.raises(SourceRefused, match="partition 0 ends at offset 1, but was read up to 2"):
        read(fetch, other, Snapshot(stored.content, Origin.from_json(moved)))
    moved["topic"]["offsets"] = [*moved["topic"]["offsets"], [9, [0, 1]]]
    with pytest.raises(SourceRefused, match="partition 9, which was read, no longer exists"):
        read(fetch, topic, Snapshot(stored.content, Origin.from_json(moved | {"shown": topic.url})))


def test_a_table_of_another_topic_is_not_read_on(topic: Topic, cluster: Any, fetch: Fetching) -> None:
    topic.send_patients(patient(id=1))
    other = Topic(*cluster)
    other.send_patients(patient(id=2), patient(id=3))
    assert len(read(fetch, topic, read(fetch, other)).content.splitlines()) == 1


@pytest.mark.fault("S05")
def test_an_empty_topic_is_no_table(topic: Topic, fetch: Fetching) -> None:
    topic.send(b"no patient")
    with pytest.raises(SourceRefused, match="the source is not a table but empty content"):
        read(fetch, topic)


@pytest.mark.fault("S19")
def test_an_unknown_topic_is_refused_and_not_created(topic: Topic, fetch: Fetching) -> None:
    for _ in "ab":
        with pytest.raises(SourceRefused, match="the topic does not exist"):
            fetch(topic.url, short(total_seconds=30))
    assert fetch.waits.asked == []


@pytest.mark.fault("S19")
@pytest.mark.fault("S01")
def test_a_broker_that_is_away_is_unavailable(fetch: Fetching, closed_port: int) -> None:
    with pytest.raises(SourceUnavailable, match=r"the broker refused or lost the connection \(2 attempts") as raised:
        fetch(f"kafka://ann:sesame1@127.0.0.1:{closed_port}/patients", short(connect_seconds=1.0, tries=2))
    assert "sesame1" not in f"{raised.value} {raised.value.__context__!r} {fetch.reported}"


@pytest.mark.fault("S02")
def test_a_broker_that_says_nothing_ends_in_time(fetch: Fetching) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(SourceUnavailable):
        fetch(f"kafka://127.0.0.1:{silent.getsockname()[1]}/patients", short(connect_seconds=1.0, total_seconds=2.0))
    assert all(thread.name != "consumer" for thread in threading.enumerate())


@pytest.mark.fault("S19")
@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("?security.protocol=nonsense", "librdkafka refuses the settings of the address"),
        ("?security.protocol=SSL&ssl.ca.location=/none.pem", "librdkafka refuses the settings of the address"),
        ("?sasl.nonsense=1", "librdkafka refuses the settings of the address"),
    ],
)
def test_settings_that_librdkafka_refuses_are_explained(fetch: Fetching, query: str, what: str) -> None:
    with pytest.raises(SourceRefused, match=what) as raised:
        fetch(f"kafka://ann:sesame1@127.0.0.1:9/patients{query}")
    assert "sesame1" not in f"{raised.value} {raised.value.__context__!r}"


@pytest.mark.fault("S17")
def test_a_missing_package_is_named_with_its_extra(fetch: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "confluent_kafka", None)
    with pytest.raises(SourceRefused, match="the package confluent-kafka is not installed") as raised:
        fetch("kafka://127.0.0.1/patients")
    assert raised.value.hint == 'Install the extra: pip install "wdbc_assets[kafka]".'


@pytest.mark.fault("S17")
@pytest.mark.parametrize("rest", ["", "/", "/a/b", "/a?nonsense=1", "/a?gap=reject", "/a?group.id=mine"])
def test_an_address_without_a_topic_or_with_more_is_refused(rest: str) -> None:
    with pytest.raises(UnknownSource):
        sources.parse(f"kafka://ann:sesame@broker:9092{rest}")
