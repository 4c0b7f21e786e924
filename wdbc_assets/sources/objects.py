"""Read a URL of any protocol that fsspec supports, other than http and https: object stores, FTP, memory.

Credentials come from the URL or from where the protocol's package finds them. The package's error messages are not
repeated, because they may contain the URL.
"""

from wdbc_assets.sources import files, retrying
from wdbc_assets.sources.errors import SourceError
from wdbc_assets.sources.limits import Clock, Limits
from wdbc_assets.sources.location import Location
from wdbc_assets.sources.retrying import Fault

FINAL = (
    (FileNotFoundError, "the object does not exist", "Check the URL."),
    (PermissionError, "these credentials have no permission to read the object", "Check the credentials."),
    (IsADirectoryError, "the URL is a folder, not an object", "Give the URL of the object in it."),
    (ValueError, "the URL is not valid for this protocol", "Check the URL."),
)


def read(location: Location, *, limits: Limits, clock: Clock, report: retrying.Report) -> bytes:
    """Return the content of the object at `location`.

    Raises:
        SourceRefused: it is missing, forbidden or too large, or the protocol's package is not installed.
        SourceUnavailable: it could not be read within the limits of attempts and time.
    """
    return retrying.persist(
        lambda: _attempt(location, limits), where=location.shown, limits=limits, clock=clock, report=report
    )


def _attempt(location: Location, limits: Limits) -> bytes | Fault:
    import fsspec

    try:
        filesystem, path = fsspec.core.url_to_fs(location.address)
        with filesystem.open(path, "rb") as stream:
            return files.up_to(limits.largest_bytes, stream, where=location.shown)
    except SourceError:
        raise
    except Exception as error:  # noqa: BLE001 -- every protocol's package raises its own errors
        return _explain(error, location)


def _explain(error: Exception, location: Location) -> Fault:
    if isinstance(error, ImportError):
        what = "the package for this protocol is not installed"
        return Fault(what=what, passing=False, hint=_how_to_install(location))
    for type_, what, hint in FINAL:
        if isinstance(error, type_):
            return Fault(what=what, passing=False, hint=hint)
    what = f"the object store failed ({type(error).__name__})"
    return Fault(what=what, passing=True, hint="Check the URL, or try again later.")


def _how_to_install(location: Location) -> str:
    """Return fsspec's own hint, such as "Install s3fs to access S3"."""
    from fsspec.registry import known_implementations

    protocol = location.address.partition("://")[0].lower()
    return f"{known_implementations.get(protocol, {}).get('err', 'Install the package for this protocol')}."
