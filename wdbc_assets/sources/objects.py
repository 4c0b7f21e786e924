"""Read a URL of any protocol that fsspec supports, that no other kind of source has: FTP, HDFS, memory.

Credentials come from the URL or from where the protocol's package finds them. The package's error messages are not
repeated, because they may contain the URL.
"""

from wdbc_assets.sources import retrying
from wdbc_assets.sources.errors import SourceError
from wdbc_assets.sources.limits import read_up_to
from wdbc_assets.sources.origin import Received
from wdbc_assets.sources.retrying import Fault
from wdbc_assets.sources.source import FetchContext, Source

FINAL = (
    (FileNotFoundError, "the object does not exist", "Check the URL."),
    (PermissionError, "these credentials have no permission to read the object", "Check the credentials."),
    (IsADirectoryError, "the URL is a folder, not an object", "Give the URL of the object in it."),
    (ValueError, "the URL is not valid for this protocol", "Check the URL."),
)


class Object(Source):
    """An object at a URL of any protocol of fsspec that is not of another kind."""

    remote = True
    usage = "a URL of a protocol that fsspec supports (ftp://, hdfs://, memory://, ...)"

    @classmethod
    def schemes(cls) -> list[str]:
        """Return the protocols that fsspec knows, whether their packages are installed or not."""
        import fsspec

        return list(fsspec.available_protocols())

    def read(self, context: FetchContext, /) -> Received:
        """Return the content of the object.

        Raises:
            SourceRefused: it is missing, forbidden or too large, or the protocol's package is not installed.
            SourceUnavailable: it could not be read within the limits of attempts and time.
        """
        return retrying.persist(
            lambda: self._attempt(context.limits.largest_bytes),
            where=self.shown,
            limits=context.limits,
            clock=context.clock,
            report=context.report,
        )

    def _attempt(self, largest_bytes: int) -> Received | Fault:
        import fsspec

        try:
            filesystem, path = fsspec.core.url_to_fs(self.address)
            with filesystem.open(path, "rb") as stream:
                return Received(read_up_to(largest_bytes, stream, where=self.shown))
        except SourceError:
            raise
        except Exception as error:  # noqa: BLE001 -- every protocol's package raises its own errors
            return _explain(error, self.address)


def _explain(error: Exception, address: str) -> Fault:
    if isinstance(error, ImportError):
        what = "the package for this protocol is not installed"
        return Fault(what=what, passing=False, hint=_how_to_install(address))
    for type_, what, hint in FINAL:
        if isinstance(error, type_):
            return Fault(what=what, passing=False, hint=hint)
    what = f"the object store failed ({type(error).__name__})"
    return Fault(what=what, passing=True, hint="Check the URL, or try again later.")


def _how_to_install(address: str) -> str:
    """Return fsspec's own hint, such as "Install s3fs to access S3"."""
    from fsspec.registry import known_implementations

    protocol = address.partition("://")[0].lower()
    return f"{known_implementations.get(protocol, {}).get('err', 'Install the package for this protocol')}."
