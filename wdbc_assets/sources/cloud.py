"""Objects of S3, Google Cloud Storage and Azure, through obstore (the extra `cloud`), as the store uses it.

Address and credentials come from the environment variables of each cloud: `AWS_*`, `GOOGLE_*`, `AZURE_*`. The ETag of an
object is its mark: it is asked for only if it has another one.
"""

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlsplit

from wdbc_assets.sources import limits, retrying
from wdbc_assets.sources.errors import SourceError, UnknownSource
from wdbc_assets.sources.origin import Received
from wdbc_assets.sources.retrying import Fault
from wdbc_assets.sources.source import FetchContext, Source

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import ObjectStore

_ENVIRONMENT = "Check the environment variables: AWS_*, GOOGLE_* or AZURE_*."
# obstore has no class for these, but its messages state the status code of the server.
_PASSING = (
    ("503", "SlowDown", "the object store throttles its clients"),
    ("429", "Too Many Requests", "the object store throttles its clients"),
)
NOT_INSTALLED = Fault(
    what="the package obstore is not installed",
    passing=False,
    hint='Install the extra: pip install "wdbc_assets[cloud]".',
)


class CloudObject(Source):
    """An object, or the folder of objects at an address that ends in a slash."""

    remote = True
    usage = "s3://bucket/name, gs://bucket/name, az://container/name"

    @classmethod
    def schemes(cls) -> tuple[str, ...]:
        """Return the URL schemes of the clouds."""
        return "s3", "gs", "az"

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Return the object at a URL.

        Raises:
            UnknownSource: the URL is malformed, has no bucket or name, or contains credentials or a query.
        """
        source = super().from_url(url)
        pieces = urlsplit(url)
        if not pieces.netloc or len(pieces.path) < len("/x"):
            raise UnknownSource(
                "the URL names no object", where=source.shown, hint="Write s3://bucket/folder/wdbc.data."
            )
        if "@" in pieces.netloc or pieces.query or pieces.fragment:
            what = "the URL of an object contains credentials, a ? or a #"
            raise UnknownSource(what, where=source.shown, hint=f"Give bucket and name only. {_ENVIRONMENT}")
        return source

    def read(self, context: FetchContext, /) -> Received | None:
        """Return the content of the object, or None if the server reports that it equals the known content.

        Raises:
            SourceRefused: it is missing, forbidden or too large, or the extra is not installed.
            SourceUnavailable: it could not be read within the limits of attempts and time.
        """
        return retrying.persist(
            lambda: self._attempt(context),
            where=self.shown,
            limits=context.limits,
            clock=context.clock,
            report=context.report,
        )

    def _attempt(self, context: FetchContext) -> Received | Fault | None:
        try:
            from obstore.exceptions import NotModifiedError

            store = opened(self.address, context.limits)
        except ModuleNotFoundError:
            return NOT_INSTALLED
        except Exception as error:  # noqa: BLE001 -- an address or a variable that obstore refuses; it has no common class
            return explain(error)
        name = unquote(urlsplit(self.address).path)[1:]
        etag = context.known.etag if context.known else None
        try:
            return get(store, name, {"if_none_match": etag} if etag else {}, context.limits, where=self.shown)
        except NotModifiedError:
            return None
        except SourceError:
            raise
        except Exception as error:  # noqa: BLE001
            return explain(error)


def opened(address: str, bounds: limits.Limits) -> "ObjectStore":
    """Return the bucket of an address. Attempts are counted here, not by obstore."""
    from obstore.store import from_url

    pieces = urlsplit(address)
    return from_url(
        f"{pieces.scheme}://{pieces.netloc}",
        client_options={
            "connect_timeout": timedelta(seconds=bounds.connect_seconds),
            "timeout": timedelta(seconds=bounds.total_seconds),
        },
        retry_config={"max_retries": 0},
    )


def get(store: "ObjectStore", name: str, options: "GetOptions", bounds: limits.Limits, *, where: str) -> Received:
    """Return the content of one object and its ETag.

    Raises:
        SourceRefused: it is larger than the limit.
        Exception: obstore's own, which `explain` explains.
    """
    import obstore

    result = obstore.get(store, name, options=options)
    if result.meta["size"] > bounds.largest_bytes:
        raise limits.too_large(bounds.largest_bytes, where=where)
    chunks = (bytes(chunk) for chunk in result.stream(limits.CHUNK_BYTES))
    return Received(limits.collect(chunks, bounds.largest_bytes, where=where), etag=result.meta["e_tag"])


def explain(error: Exception) -> Fault:
    """Return the fault for an error of obstore, whose message is not repeated: it may contain the server's answer."""
    from obstore import exceptions

    if isinstance(error, FileNotFoundError):
        return Fault(what="the object does not exist", passing=False, hint="Check bucket and name.")
    if isinstance(error, exceptions.PermissionDeniedError | exceptions.UnauthenticatedError | PermissionError):
        what = "these credentials have no permission to read the object, or there are none"
        return Fault(what=what, passing=False, hint=_ENVIRONMENT)
    if not isinstance(error, exceptions.GenericError | OSError):
        return Fault(what=f"the address is refused ({type(error).__name__})", passing=False, hint=_ENVIRONMENT)
    text = str(error)
    for code, word, what in _PASSING:
        if code in text and word in text:
            return Fault(what=f"{what} ({code} {word})", passing=True, hint="Try again later.")
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__
    return Fault(
        what=f"the object store failed ({reason})",
        passing=True,
        hint=f"Check that it can be reached. {_ENVIRONMENT}",
    )
