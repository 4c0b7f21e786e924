"""Reading a URL of any protocol that fsspec knows, other than http and https: object stores, FTP, memory.

Credentials come from the URL or from where the protocol's package looks for them. That package's errors are not
repeated, for they may carry the URL.
"""

from wdbc_assets.sources import files, retrying
from wdbc_assets.sources.errors import SourceError
from wdbc_assets.sources.limits import Clock, Limits
from wdbc_assets.sources.location import Location
from wdbc_assets.sources.retrying import Fault

FINAL = (
    (FileNotFoundError, "there is no such object", "Check the URL."),
    (PermissionError, "the object may not be read with these credentials", "Check the credentials."),
    (IsADirectoryError, "the URL names a folder, not an object", "Name the object in it."),
    (ValueError, "the URL is not one that this protocol takes", "Check the URL."),
)


def read(location: Location, *, limits: Limits, clock: Clock, report: retrying.Report) -> bytes:
    """The content of the object at `location`.

    Raises:
        SourceRefused: it is missing, forbidden or too large, or the protocol's package is not installed.
        SourceUnavailable: it could not be had within the tries and the time.
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
    except Exception as error:  # noqa: BLE001 -- every protocol's package has errors of its own
        return _explain(error, location)


def _explain(error: Exception, location: Location) -> Fault:
    if isinstance(error, ImportError):
        what = "the package for this protocol is not installed"
        return Fault(what=what, passing=False, hint=_how_to_install(location))
    for type_, what, hint in FINAL:
        if isinstance(error, type_):
            return Fault(what=what, passing=False, hint=hint)
    what = f"the store failed ({type(error).__name__})"
    return Fault(what=what, passing=True, hint="Check the URL, or try again later.")


def _how_to_install(location: Location) -> str:
    """fsspec's own words, such as "Install s3fs to access S3"."""
    from fsspec.registry import known_implementations

    protocol = location.address.partition("://")[0].lower()
    return f"{known_implementations.get(protocol, {}).get('err', 'Install the package that fsspec names for it')}."
