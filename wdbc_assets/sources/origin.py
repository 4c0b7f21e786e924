"""The origin of fetched bytes: where they came from, and what identifies them.

The manifest of the value made from the bytes records it, so it contains no secrets.
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
        shown: the source as `Location.shown` writes it, without credentials.
        sha256: hexadecimal digest of the content: its identity.
        bytes: size of the content.
        etag: the server's ETag for this content, if it sent one.
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
class Fetched:
    """The fetched bytes. `content` is hidden in the representation, because it contains patients' values."""

    content: bytes = field(repr=False)
    origin: Origin


@dataclass(frozen=True, slots=True)
class NotModified:
    """The server reports that it still holds the bytes of `origin`, and sent none."""

    origin: Origin
