"""Where raw bytes come from: `parse` a setting into a `Location`, then `fetch` it.

Importing this package imports neither requests nor fsspec; they are imported when a source needs them.

- `location` reads the setting and hides its secrets; `fetching` gets the bytes; `errors` are the ways it fails.
- `bundled`, `files`, `objects` and `http` each read one kind of source.
- `limits`, `deadline` and `retrying` bound what they may take; `unpacking` opens gzip and zip; `sniffing` names what is
  plainly no table.
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
