"""Objects of S3, Google Cloud Storage and Azure, through obstore (the extra `cloud`), as the store does.

Address and credentials come from the environment variables of each cloud: `AWS_*`, `GOOGLE_*`, `AZURE_*`. An object
is requested only if its ETag is not the known one.
"""

import re
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlsplit

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.sources import folders, limits, retrying, sniffing
from wdbc_assets.sources.errors import SourceRefused, UnknownSource
from wdbc_assets.sources.origin import Received
from wdbc_assets.sources.retrying import Fault
from wdbc_assets.sources.source import FetchContext, Source

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from obstore.store import ObjectStore

_ENVIRONMENT = "Check the environment variables: AWS_*, GOOGLE_* or AZURE_*."
# obstore has one class for all of these, but its messages state the answer of the server.
_STATUS = re.compile(r"status code: (\d{3} [A-Za-z ]+)")
_THROTTLED = ("503", "429")
_REFUSED = ("401", "403")
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound")


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
        store = self.connected()
        from obstore.exceptions import NotModifiedError

        try:
            if self.address.endswith("/"):
                return self._folder(store, context)
            etag = context.known.etag if context.known else None
            options: GetOptions = {"if_none_match": etag} if etag else {}
            content, etag = get(store, self.name, options, context.limits.largest_bytes, where=self.shown)
            return Received(content, etag=etag)
        except NotModifiedError:
            return None
        except WdbcError:
            raise
        except Exception as error:  # noqa: BLE001 -- obstore's errors have no common class
            return explain(error)

    def connected(self, *, retries: int = 0) -> "ObjectStore":
        """Return the bucket. obstore repeats a failed request so many times; `read` counts its attempts itself.

        Raises:
            SourceRefused: the extra is not installed, or the settings of the cloud are refused.
        """
        try:
            return opened(self.address, retries=retries)
        except ModuleNotFoundError:
            what, hint = "the package obstore is not installed", 'Install the extra: pip install "wdbc_assets[cloud]".'
        except Exception as error:  # noqa: BLE001 -- what obstore refuses has no common class
            reason = sniffing.plain(self.conceal(str(error).partition("\n")[0]))
            what, hint = f"the address or its settings are refused: {reason}", _ENVIRONMENT
        raise SourceRefused(what, where=self.shown, hint=hint)

    @property
    def name(self) -> str:
        """The name of the object, or of the folder with the slash at its end, in the bucket."""
        return unquote(urlsplit(self.address).path)[1:]

    def _folder(self, store: "ObjectStore", context: FetchContext) -> Received | Fault | None:
        from obstore.exceptions import PreconditionError

        bounds, name = context.limits, self.name

        def entries() -> list[folders.FolderFile]:
            objects = listed(store, name, where=self.shown)
            return [folders.FolderFile(inner, str(meta["e_tag"])) for inner, meta in objects.items()]

        def content_of(entry: folders.FolderFile) -> bytes | None:
            place = f"{self.shown}{entry.name}"
            try:
                options: GetOptions = {"if_match": entry.version}
                return get(store, name + entry.name, options, bounds.largest_bytes, where=place)[0]
            except (PreconditionError, FileNotFoundError):
                return None

        return folders.read(
            entries, content_of, known=context.known, bounds=bounds, where=self.shown, report=context.report
        )


def opened(address: str, *, retries: int = 0) -> "ObjectStore":
    """Return the bucket of an address.

    Time-outs are obstore's: client options of ours would replace those of the environment, such as AWS_ALLOW_HTTP.
    """
    from obstore.store import from_url

    pieces = urlsplit(address)
    return from_url(f"{pieces.scheme}://{pieces.netloc}", retry_config={"max_retries": retries})


def listed(store: "ObjectStore", folder: str, *, where: str) -> "dict[str, ObjectMeta]":
    """Return the objects of a folder, whose name ends in a slash, that belong to its table, by their names in it.

    Raises:
        SourceRefused: there is a folder in it.
        Exception: obstore's own, which `explain` explains.
    """
    import obstore

    listing = obstore.list_with_delimiter(store, folder)
    for inner in (prefix.removeprefix(folder).strip("/") for prefix in listing["common_prefixes"]):
        if folders.is_table(inner):
            hint = "Give the address of one folder."
            raise SourceRefused("a folder of tables holds a folder", where=f"{where}{inner}/", hint=hint)
    objects = {item["path"].removeprefix(folder): item for item in listing["objects"]}
    return {name: meta for name, meta in objects.items() if folders.is_table(name)}


def get(
    store: "ObjectStore", name: str, options: "GetOptions", largest_bytes: int, *, where: str
) -> tuple[bytes, str | None]:
    """Return the content of one object and its ETag.

    Raises:
        SourceRefused: it is larger than the limit.
        Exception: obstore's own, which `explain` explains.
    """
    import obstore

    result = obstore.get(store, name, options=options)
    if result.meta["size"] > largest_bytes:
        raise limits.too_large(largest_bytes, where=where)
    chunks = (bytes(chunk) for chunk in result.stream(limits.CHUNK_BYTES))
    return limits.collect(chunks, largest_bytes, where=where), result.meta["e_tag"]


def explain(error: Exception) -> Fault:
    """Return the fault for an error of obstore, whose message is not repeated: it may contain the server's answer."""
    from obstore import exceptions

    status = _STATUS.search(str(error))
    answer = status[1].strip() if status else "no answer"
    if any(code in str(error) for code in _NO_BUCKET):
        return Fault(what="the bucket does not exist", passing=False, hint="Check the name of the bucket.")
    if isinstance(error, FileNotFoundError) or answer.startswith("404"):
        return Fault(what="the object does not exist", passing=False, hint="Check bucket and name.")
    refused = exceptions.PermissionDeniedError | exceptions.UnauthenticatedError | PermissionError
    if isinstance(error, refused) or answer.startswith(_REFUSED):  # a listing has no error of its own class
        what = "these credentials have no permission to read the object, or there are none"
        return Fault(what=what, passing=False, hint=_ENVIRONMENT)
    if answer.startswith(_THROTTLED):
        return Fault(what=f"the object store throttles its clients ({answer})", passing=True, hint="Try again later.")
    return Fault(
        what=f"the object store failed ({answer})",
        passing=status is None or answer.startswith("5"),
        hint=f"Check that it can be reached. {_ENVIRONMENT}",
    )
