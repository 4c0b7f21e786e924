"""Sources behind a web server. The client, the platform's only one, is built on requests.

This module is light; `client` imports requests, which takes 0.2 s, and is imported when a source is read.

- `client` requests a URL and handles redirects and status codes.
- `connections` creates sockets that can be cut, and detects a wrong body length.
- `bodies` reads a body: length, compression, size limit.
- `faults` converts errors into messages of this package.
"""

from collections.abc import Mapping
from typing import ClassVar, Self

from wdbc_assets import safe_text
from wdbc_assets.sources.errors import UnknownSource
from wdbc_assets.sources.origin import Received
from wdbc_assets.sources.source import FetchContext, Source

UCI = "https://archive.ics.uci.edu/ml/machine-learning-databases/breast-cancer-wisconsin/wdbc.data"


class Http(Source):
    """A URL of a web server."""

    remote = True
    usage = "uci (the archive's file, over HTTPS), http://..., https://..."
    names: ClassVar[Mapping[str, str]] = {"uci": UCI}

    @classmethod
    def schemes(cls) -> tuple[str, ...]:
        """Return the URL schemes of web servers."""
        return "http", "https"

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Return the source at a URL.

        Raises:
            UnknownSource: the URL is malformed or has no host.
        """
        source = super().from_url(url)
        pieces = safe_text.split(url)
        if pieces is None or not pieces.hostname:
            hint = "Write it as https://example.org/wdbc.data."
            raise UnknownSource("the URL has no host", where=source.shown, hint=hint)
        return source

    def read(self, context: FetchContext, /) -> Received | None:
        """Return the content at the URL, or None if the server reports that it equals the known content."""
        from wdbc_assets.sources.http import client

        return client.get(
            self.address, limits=context.limits, known=context.known, report=context.report, clock=context.clock
        )
