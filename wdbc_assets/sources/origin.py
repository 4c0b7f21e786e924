"""Fetched bytes and their origin: where they came from, and what identifies them.

The manifest of the value made from the bytes records the origin, so it contains no secrets.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wdbc_assets.domain.errors import WdbcError


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where some bytes came from, and their identity.

    Attributes:
        shown: the source as `Source.shown` writes it, without credentials.
        sha256: hexadecimal digest of the content: its identity.
        bytes: size of the content.
        etag: what the source itself calls this content: a server's ETag, or the digest that a database computed.
        last_modified: the server's Last-Modified date, if it sent one.
    """

    shown: str
    sha256: str
    bytes: int
    etag: str | None = None
    last_modified: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the origin as JSON values, for a manifest or a sensor's cursor."""
        return dataclasses.asdict(self)

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
        return cls(**{name: stored[name] for name in types if name in stored})


@dataclass(frozen=True, slots=True)
class Received:
    """The bytes as a source delivers them, not unpacked.

    Attributes:
        content: hidden in the representation, because it contains patients' values.
        etag: what the source calls the content, if it can be asked about it, as the `ETag` header of a server.
        last_modified: the `Last-Modified` header, likewise.
    """

    content: bytes = field(repr=False)
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The table of a source at one moment, unpacked, and its origin. `content` is hidden in the representation, too."""

    content: bytes = field(repr=False)
    origin: Origin
