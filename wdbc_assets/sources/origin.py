"""Fetched bytes and their origin: where they came from, and what identifies them.

The manifest of the value made from the bytes records the origin, so it contains no secrets.
"""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wdbc_assets.domain.errors import WdbcError

_LINE = re.compile(r"\b(?:line|row) (\d+)\b")


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
    """

    shown: str
    sha256: str
    bytes: int
    etag: str | None = None
    last_modified: str | None = None
    files: tuple[tuple[str, int], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the origin as JSON values, for a manifest or a sensor's cursor."""
        plain = dataclasses.asdict(self)
        if not self.files:
            del plain["files"]
        return plain

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
        return cls(**{name: stored[name] for name in types if name in stored}, files=files)


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
    """The bytes as a source delivers them, not unpacked.

    Attributes:
        content: hidden in the representation, because it contains patients' values.
        etag: what the source calls the content, if it can be asked about it, as the `ETag` header of a server.
        last_modified: the `Last-Modified` header, likewise.
        files: of a folder, the name and the number of rows of each file.
    """

    content: bytes = field(repr=False)
    etag: str | None = None
    last_modified: str | None = None
    files: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The table of a source at one moment, unpacked, and its origin. `content` is hidden in the representation, too."""

    content: bytes = field(repr=False)
    origin: Origin
