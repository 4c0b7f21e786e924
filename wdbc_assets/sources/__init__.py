"""Sources of the data: `parse` a setting into a `Source`, then `fetch` it, or ask for its `fingerprint`.

Importing this package imports no network library; each is imported when a source needs it.

- `schemes` lists the kinds and parses a setting; `source` has what all kinds share; `errors` defines the failures.
- `bundled`, `files`, `http`, `sql`, `cloud`, `kafka` and `objects` each are one kind of source; `folders` reads many
  files as one table, `kafka_reader` and `records` a topic; `sql_faults` and `kafka_faults` explain errors.
- `limits`, `deadline` and `retrying` bound time, size and attempts; `large_tables` keeps what is too large for memory
  in a file; `unpacking` opens gzip and zip; `sniffing` recognizes content that is not a table.
"""

from wdbc_assets.sources.errors import (
    SourceError,
    SourceRefused,
    SourceUnavailable,
    UnknownSource,
)
from wdbc_assets.sources.origin import Origin, Snapshot, with_files
from wdbc_assets.sources.schemes import parse
from wdbc_assets.sources.source import Source

__all__ = [
    "Origin",
    "Snapshot",
    "Source",
    "SourceError",
    "SourceRefused",
    "SourceUnavailable",
    "UnknownSource",
    "parse",
    "with_files",
]
