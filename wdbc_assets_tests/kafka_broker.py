"""librdkafka's own mock cluster: brokers in this process that speak Kafka's protocol over TCP."""

import contextlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from confluent_kafka import Producer

from wdbc_assets_tests import builders


@dataclass
class Topic:
    """A new topic of four partitions, and what was sent to it."""

    producer: Any
    brokers: str
    name: str = field(default_factory=lambda: f"patients-{uuid4().hex[:8]}")

    @property
    def url(self) -> str:
        """The address of the topic as a source."""
        return f"kafka://{self.brokers}/{self.name}"

    def send(self, *values: bytes | None, partition: int = 0) -> None:
        """Send messages, and wait until the broker has them."""
        for value in values:
            self.producer.produce(self.name, value, partition=partition)
        assert self.producer.flush(20) == 0

    def send_patients(self, *patients: dict[str, Any], partition: int = 0) -> None:
        self.send(*(json.dumps(one).encode() for one in patients), partition=partition)


@contextlib.contextmanager
def running() -> Iterator[Any]:
    """Start a cluster of one broker, which ends with its producer; yield the producer and the address."""
    logger = logging.getLogger("wdbc_assets_tests.kafka")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "127.0.0.1:1"}, logger=logger)
    found = producer.list_topics(timeout=20).brokers.values()
    yield producer, ",".join(f"{broker.host}:{broker.port}" for broker in found)
    producer.flush(5)


def published() -> list[dict[str, Any]]:
    """The published patients as records."""
    frame = builders.published()
    return [{str(name): value for name, value in row.items()} for row in frame.astype(object).to_dict("records")]
