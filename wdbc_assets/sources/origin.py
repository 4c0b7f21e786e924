"""Fetched bytes and their origin: where they came from, and what identifies them.

The manifest of the value made from the bytes records the origin, so it contains no secrets.
"""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wdbc_assets.domain.data.lines import LinesFile
from wdbc_assets.domain.errors import WdbcError

_LINE = re.compile(r"\b(?:line|row) (\d+)\b")


Offsets = tuple[int, int]
"""Of a partition: the offset of the first record, and the one after the last."""


@dataclass(frozen=True, slots=True, order=True)
class SetAside:
    """A record of a topic that is no patient: its place, and the reason."""

    partition: int
    offset: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicOrigin:
    """How far a table goes in a topic: the offsets of each partition, and the records in them that were set aside."""

    offsets: tuple[tuple[int, Offsets], ...] = ()
    set_aside: tuple[SetAside, ...] = ()

    @classmethod
    def from_json(cls, stored: Any) -> "TopicOrigin":
        """Return what `Origin.to_json` wrote.

        Raises:
            WdbcError: a field is missing or has another type.
        """
        try:
            return cls(
                offsets=tuple(
                    (int(partition), (int(start), int(end))) for partition, (start, end) in stored["offsets"]
                ),
                set_aside=tuple(
                    SetAside(int(record["partition"]), int(record["offset"]), str(record["reason"]))
                    for record in stored["set_aside"]
                ),
            )
        except (KeyError, TypeError, ValueError):
            raise WdbcError("the stored origin has no valid 'topic'", hint="Restore it from a backup.") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where some bytes came from, and their identity.

    Attributes:
        shown: the source as `Source.shown` writes it, without credentials.
        sha256: hexadecimal digest of the content: its identity.
        bytes: size of the content.
        etag: what the source itself calls this content: a server's ETag, or the digest that a database computed.
        last_modified: the server's Last-Modified date, if it sent one.
        files: of a folder, the name and the number of rows of each file, in the order of the table.
        topic: of a topic, how far the table goes.
    """

    shown: str
    sha256: str
    bytes: int
    etag: str | None = None
    last_modified: str | None = None
    files: tuple[tuple[str, int], ...] = ()
    topic: TopicOrigin | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the origin as JSON values, for a manifest or a sensor's cursor."""
        plain = dataclasses.asdict(self)
        for name in ("files", "topic"):
            if not plain[name]:
                del plain[name]
        return plain

    def says_the_same(self, other: "Origin") -> bool:
        """Return whether the content is the same, and a topic was read equally far."""
        return (self.sha256, self.topic) == (other.sha256, other.topic)

    def place(self, line: int) -> str:
        """Return where a line of the table comes from: the row and its file, if the source is a folder."""
        row = line
        for name, rows in self.files:
            if row <= rows:
                return f"row {row} of {name}"
            row -= rows
        return f"line {line}"

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Origin":
        """Return the origin that `to_json` wrote. Fields of a newer release are ignored.

        Raises:
            WdbcError: a field is missing or has another type.
        """
        types = {"shown": str, "sha256": str, "bytes": int, "etag": str | None, "last_modified": str | None}
        for name, type_ in types.items():
            if not isinstance(stored.get(name), type_):
                raise WdbcError(f"the stored origin has no valid {name!r}", hint="Fetch the source again.")
        files = tuple((str(name), int(rows)) for name, rows in stored.get("files") or ())
        topic = TopicOrigin.from_json(stored["topic"]) if stored.get("topic") else None
        return cls(**{name: stored[name] for name in types if name in stored}, files=files, topic=topic)


def with_files(refusal: WdbcError, origin: Mapping[str, Any] | None) -> WdbcError:
    """Return the refusal of a table; if it comes from a folder, each line is named by its row and file."""
    if origin and origin.get("files"):
        source = Origin.from_json(origin)
        refusal.what, refusal.places, refusal.detail = (
            _LINE.sub(lambda line: source.place(int(line[1])), text)
            for text in (refusal.what, refusal.places, refusal.detail)
        )
    return refusal


@dataclass(frozen=True, slots=True)
class Received:
    """The content as a source delivers it: bytes, perhaps packed, or a large table as lines.

    Attributes:
        content: hidden in the representation, because it contains patients' values.
        etag: what the source calls the content, if it can be asked about it, as the `ETag` header of a server.
        last_modified: the `Last-Modified` header, likewise.
        files, topic: as in `Origin`.
    """

    content: bytes | LinesFile = field(repr=False)
    etag: str | None = None
    last_modified: str | None = None
    files: tuple[tuple[str, int], ...] = ()
    topic: TopicOrigin | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The table of a source at one moment, unpacked, and its origin.

    `content` is a LinesFile if it has more rows than are held in memory. It is hidden in the representation, too.
    """

    content: bytes | LinesFile = field(repr=False)
    origin: Origin
