"""What is known of bytes that were fetched: where they came from, and by what they are known again.

An origin is stored in the manifest of what was made from the bytes, so nothing secret belongs in it.
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
        sha256: hex digest of the content: its identity.
        bytes: size of the content.
        etag: the server's own mark for this content, if it gave one.
        last_modified: the server's date for this content, if it gave one.
    """

    shown: str
    sha256: str
    bytes: int
    etag: str | None = None
    last_modified: str | None = None

    def to_json(self) -> dict[str, Any]:
        """A dictionary of text, numbers and None, for a manifest or a sensor's cursor."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Origin":
        """The origin that `to_json` wrote; fields of a newer release are left out.

        Raises:
            WdbcError: a field is missing or has another type.
        """
        types = {"shown": str, "sha256": str, "bytes": int, "etag": str | None, "last_modified": str | None}
        for name, type_ in types.items():
            if not isinstance(stored.get(name), type_):
                raise WdbcError(f"a stored origin has no valid {name!r}", hint="Fetch the source again.")
        return cls(**{name: stored[name] for name in types if name in stored})


@dataclass(frozen=True, slots=True)
class Fetched:
    """The bytes as they came; `content` is left out of the representation, for it holds patients' values."""

    content: bytes = field(repr=False)
    origin: Origin


@dataclass(frozen=True, slots=True)
class NotModified:
    """The source says that it still holds the bytes of `origin`, and sent none."""

    origin: Origin
