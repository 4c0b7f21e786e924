"""Fetch raw bytes: `parse` a setting into a `Location`, then `fetch` it.

Importing this package imports neither requests nor fsspec; each is imported when a source needs it.

- `location` parses the setting and redacts its secrets; `fetching` gets the bytes; `errors` defines the failures.
- `bundled`, `files`, `objects` and `http` each read one kind of source.
- `limits`, `deadline` and `retrying` bound time and attempts; `unpacking` opens gzip and zip; `sniffing` recognizes
  content that is not a table.
"""

from wdbc_assets.sources.errors import (
    SourceError,
    SourceRefused,
    SourceUnavailable,
    UnknownSource,
)
from wdbc_assets.sources.fetching import Look, digest_now, fetch, look
from wdbc_assets.sources.limits import Clock, Limits
from wdbc_assets.sources.location import Location, parse
from wdbc_assets.sources.origin import Fetched, NotModified, Origin

__all__ = [
    "Clock",
    "Fetched",
    "Limits",
    "Location",
    "Look",
    "NotModified",
    "Origin",
    "SourceError",
    "SourceRefused",
    "SourceUnavailable",
    "UnknownSource",
    "digest_now",
    "fetch",
    "look",
    "parse",
]
