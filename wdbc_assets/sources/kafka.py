"""A topic of Kafka as a source, through confluent-kafka (the extra `kafka`): JSON records, each a patient.

The table is what the asset holds already and the records since then, up to the end of each partition when the read
begins. How far it goes is stated in the origin, which is stored with the table: nothing is committed to the broker, so
a run that dies reads the same records again.
"""

import hashlib
import json
import logging
import threading
from collections.abc import Callable
from typing import Any, Self, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from wdbc_assets.sources import kafka_faults, kafka_reader, retrying
from wdbc_assets.sources.errors import UnknownSource
from wdbc_assets.sources.kafka_reader import Reader
from wdbc_assets.sources.limits import QUICK, REAL_CLOCK, Clock, Limits
from wdbc_assets.sources.origin import Origin, Received, Snapshot
from wdbc_assets.sources.retrying import Fault
from wdbc_assets.sources.source import FetchContext, Source, silent

T = TypeVar("T")

_SETTINGS = ("security.", "sasl.", "ssl.", "client.")
_GAP = "gap"
_LOGGER = logging.getLogger("wdbc_assets.kafka")
_LOGGER.addHandler(logging.NullHandler())
_LOGGER.propagate = False  # librdkafka logs addresses, and whatever a broker answers


class Kafka(Source):
    """A topic."""

    remote = True
    usage = "kafka://broker[,broker]/topic"

    @classmethod
    def schemes(cls) -> tuple[str, ...]:
        """Return the URL scheme of topics."""
        return ("kafka",)

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Return the topic at a URL.

        Raises:
            UnknownSource: the URL is malformed, names no broker or topic, or has an unknown parameter.
        """
        source = super().from_url(url)
        pieces = urlsplit(url)
        topic = pieces.path.strip("/")
        if not pieces.netloc.rpartition("@")[2] or not topic or "/" in topic:
            hint = "Write kafka://broker:9092,broker:9092/topic."
            raise UnknownSource("the URL names no broker or no topic", where=source.shown, hint=hint)
        unknown = [name for name, _ in _parameters(url) if name != _GAP and not name.startswith(_SETTINGS)]
        if unknown or dict(_parameters(url)).get(_GAP, "accept") != "accept":
            hint = "Possible are gap=accept, and security.*, sasl.*, ssl.* and client.* of librdkafka."
            raise UnknownSource("the URL has an unknown parameter or value", where=source.shown, hint=hint)
        return source

    def read(self, context: FetchContext, /) -> Received | None:
        """Return the stored table with the records that are new, or None if there are none.

        Raises:
            SourceRefused: the topic does not exist, no longer holds what was not read yet, or was created again.
            SourceUnavailable: the brokers could not be read within the limits of attempts and time.
        """
        received = self._persist(
            lambda reader: reader.received(
                context.known,
                context.until,
                lambda: self._own(context.stored()),
                accepts_gap=self._accepts_gap,
                report=context.report,
            ),
            context.limits,
            context.clock,
            context.report,
        )
        if received is not None and received.topic is not None and received.topic.set_aside:
            aside = received.topic.set_aside
            counted = f"{len(aside):,} {'record is' if len(aside) == 1 else 'records are'} set aside"
            context.report(
                f"{counted}, the last one at offset {aside[-1].offset} of partition {aside[-1].partition}:"
                f" {aside[-1].reason}. The manifest of the table lists them all."
            )
        return received

    def fingerprint(self, known: Origin | None = None, *, limits: Limits = QUICK, clock: Clock = REAL_CLOCK) -> str:
        """Return the digest of the known table if no partition has grown, else a digest of where they end.

        No record is read.

        Raises:
            SourceRefused, SourceUnavailable: as in `fetch`; `known` remains valid.
        """
        ends = self._persist(lambda reader: reader.ends(), limits, clock, silent)
        usable = self._usable(known, None)
        if usable is not None and kafka_reader.ends_of(usable) == ends:
            return usable.sha256
        return hashlib.sha256(json.dumps([self.shown, sorted(ends.items())]).encode()).hexdigest()

    def _own(self, stored: Snapshot | None) -> Snapshot | None:
        """Return the stored table if it comes from this topic."""
        return stored if stored is not None and self._usable(stored.origin, None) is not None else None

    def _usable(self, known: Origin | None, pinned: str | None) -> Origin | None:
        # Offsets mean the same to every user, with every setting of the connection, and through every broker.
        if known is None or known.topic is None or pinned not in {None, known.sha256}:
            return None
        brokers, topic = _place(known.shown)
        own_brokers, own_topic = _place(self.shown)
        return known if topic == own_topic and brokers & own_brokers else None

    def _persist(self, use: Callable[[Reader], T | Fault], bounds: Limits, clock: Clock, report: retrying.Report) -> T:
        stop = threading.Event()
        return retrying.persist(
            lambda: self._attempt(use, bounds, stop),
            where=self.shown,
            limits=bounds,
            clock=clock,
            report=report,
            give_up=stop.set,
        )

    def _attempt(self, use: Callable[[Reader], T | Fault], bounds: Limits, stop: threading.Event) -> T | Fault:
        try:
            from confluent_kafka import Consumer, KafkaException
        except ModuleNotFoundError:
            what = "the package confluent-kafka is not installed"
            return Fault(what=what, passing=False, hint='Install the extra: pip install "wdbc_assets[kafka]".')
        errors: list[Any] = []
        try:
            consumer = Consumer(self._configuration(bounds, errors.append), logger=_LOGGER)
        except (KafkaException, ValueError, TypeError) as error:
            return kafka_faults.of_settings(error, conceal=self.conceal)
        try:
            return use(Reader(self._topic, consumer, bounds, stop, where=self.shown))
        except KafkaException as error:
            return kafka_faults.of_errors([error.args[0], *errors])
        finally:
            consumer.close()

    def _configuration(self, bounds: Limits, on_error: Any) -> dict[str, Any]:
        pieces = urlsplit(self.address)
        user_info, at, brokers = pieces.netloc.rpartition("@")
        user, _, password = user_info.partition(":")
        credentials = {"sasl.username": unquote(user), "sasl.password": unquote(password)} if at else {}
        return {
            **{name: value for name, value in _parameters(self.address) if name != _GAP},
            **credentials,
            "bootstrap.servers": brokers,
            "group.id": "wdbc_assets",  # demanded, and used for nothing: no offset is committed, no group is joined
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "allow.auto.create.topics": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "queued.max.messages.kbytes": 2**14,  # by default 64 MiB wait in memory, more than all the rest takes
            "socket.connection.setup.timeout.ms": max(1000, round(bounds.connect_seconds * 1000)),
            "error_cb": on_error,
        }

    @property
    def _topic(self) -> str:
        return unquote(urlsplit(self.address).path.strip("/"))

    @property
    def _accepts_gap(self) -> bool:
        return _GAP in dict(_parameters(self.address))


def _place(url: str) -> tuple[set[str], str]:
    """Return the brokers and the path of a URL."""
    pieces = urlsplit(url)
    return set(pieces.netloc.rpartition("@")[2].lower().split(",")), pieces.path.strip("/")


def _parameters(url: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)
