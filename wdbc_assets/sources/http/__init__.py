"""The one HTTP client of the platform, on requests.

Importing it imports requests, which takes a fifth of a second: import it where it is used.

- `client` asks: one URL, its redirects, its statuses.
- `connections` makes the sockets, so that they can be cut and a wrong length be noticed.
- `bodies` reads a body: length, compression, size limit.
- `faults` says in our own words what went wrong.
"""

from wdbc_assets.sources.http.client import Answer, get

__all__ = ["Answer", "get"]
