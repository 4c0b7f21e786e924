"""The platform's only HTTP client, built on requests.

Importing it imports requests, which takes 0.2 s: import it where it is used.

- `client` requests a URL and handles redirects and status codes.
- `connections` creates sockets that can be cut, and detects a wrong body length.
- `bodies` reads a body: length, compression, size limit.
- `faults` converts errors into messages of this package.
"""

from wdbc_assets.sources.http.client import Answer, get

__all__ = ["Answer", "get"]
