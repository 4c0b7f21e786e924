"""From a location to the bytes that lie there, whole and once: what an asset, a sensor and `wdbc status` call.

The kinds of source differ only in who reads them. Unpacking, the size limit, the refusal of what is plainly no table,
and the pinned digest hold for all. The identity of a source is that of the table: packed again it is the same.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from wdbc_assets.sources import bundled, files, objects, sniffing, unpacking
from wdbc_assets.sources.errors import SourceRefused
from wdbc_assets.sources.limits import DEFAULT, QUICK, REAL_CLOCK, Clock, Limits
from wdbc_assets.sources.location import Location
from wdbc_assets.sources.origin import Fetched, NotModified, Origin
from wdbc_assets.sources.retrying import Report

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a source found.

    Attributes:
        origin: what the source holds, to be known by at the next look.
        reason: how that was told.
        changed: whether it holds other bytes than the known ones.
    """

    origin: Origin
    reason: str
    changed: bool

    @property
    def identity(self) -> str:
        """The SHA-256 of what the source holds: a stable key for the run that fetches it."""
        return self.origin.sha256


def silent(line: str) -> None:
    """The report that nobody hears."""


def fetch(
    location: Location,
    *,
    known: Origin | None = None,
    sha256: str | None = None,
    limits: Limits = DEFAULT,
    report: Report = silent,
    clock: Clock = REAL_CLOCK,
) -> Fetched | NotModified:
    """The bytes at `location`, read once, and what they are known by.

    Args:
        location: where to.
        known: the origin of content that the caller has at hand, intact. A server is then asked for what differs from
            it, and `NotModified` may be the answer. It is used only if it is of this location and nothing in the
            location's address is hidden, for behind two hidden queries may lie two contents.
        sha256: the digest that the content must have, 64 hexadecimal digits: of the table, or of what it is packed in.
        limits: tries, times and sizes.
        report: told of each try that failed and is followed by another, in one line without secrets.
        clock: time and chance, replaced in tests.

    Raises:
        SourceRefused: there is no such content, it is too large, plainly no table, or not the pinned one.
        SourceUnavailable: it could not be had within the tries and the time.
    """
    pinned = _checked_pin(sha256)
    if location.kind == "http":
        from wdbc_assets.sources import http

        usable = _usable(known, location, pinned)
        answer = http.get(location.address, limits=limits, known=usable, report=report, clock=clock)
        if answer is None:
            return NotModified(cast("Origin", usable))  # the client has checked that something was known
        came, etag, last_modified = answer.content, answer.etag, answer.last_modified
    else:
        came, etag, last_modified = _read(location, limits, report, clock), None, None
    content = _unpacked(came, location, limits)
    _refuse_what_is_no_table(content, location)
    digest = hashlib.sha256(content).hexdigest()
    of_file = digest if content is came else hashlib.sha256(came).hexdigest()
    if pinned not in {None, digest, of_file}:
        raise SourceRefused(
            f"the content has SHA-256 {of_file}, but {pinned} is pinned",
            where=location.shown,
            hint="Find out why the content differs before changing the pinned digest.",
        )
    return Fetched(
        content,
        Origin(shown=location.shown, sha256=digest, bytes=len(content), etag=etag, last_modified=last_modified),
    )


def look(location: Location, known: Origin | None, *, limits: Limits = QUICK, clock: Clock = REAL_CLOCK) -> Look:
    """Whether `location` holds other bytes than the `known` ones; by default asked once, and answered in 10 s.

    Raises:
        SourceRefused, SourceUnavailable: as `fetch`; what is known stays what it was.
    """
    found = fetch(location, known=known, limits=limits, clock=clock)
    digest = found.origin.sha256
    if isinstance(found, NotModified):
        return Look(found.origin, "the server says that nothing has changed", changed=False)
    if known is None:
        return Look(found.origin, f"nothing is known yet; the source holds {digest[:12]}", changed=True)
    if digest == known.sha256:
        return Look(found.origin, "the source holds the same bytes", changed=False)
    return Look(found.origin, f"the content changed from {known.sha256[:12]} to {digest[:12]}", changed=True)


def digest_now(location: Location, *, limits: Limits = DEFAULT) -> str | None:
    """The SHA-256 of what lies at `location`, or None where only the network could tell.

    Raises:
        SourceRefused: the file is missing, unreadable, too large or not a file.
    """
    if location.kind in {"http", "object"}:
        return None
    content = _unpacked(_read(location, limits, silent, REAL_CLOCK), location, limits)
    return hashlib.sha256(content).hexdigest()


def _read(location: Location, limits: Limits, report: Report, clock: Clock) -> bytes:
    match location.kind:
        case "bundled":
            return bundled.content()
        case "path":
            return files.read(Path(location.address), largest_bytes=limits.largest_bytes)
        case _:
            return objects.read(location, limits=limits, clock=clock, report=report)


def _unpacked(came: bytes, location: Location, limits: Limits) -> bytes:
    try:
        return unpacking.content(came, partial(files.up_to, limits.largest_bytes, where=location.shown))
    except SourceRefused as error:
        error.where = location.shown
        raise


def _usable(known: Origin | None, location: Location, pinned: str | None) -> Origin | None:
    if known is None or not known.shown == location.shown == location.address:
        return None
    return known if pinned in {None, known.sha256} else None


def _checked_pin(sha256: str | None) -> str | None:
    if sha256 is None:
        return None
    pinned = sha256.strip().lower()
    if not _SHA256.fullmatch(pinned):
        raise SourceRefused(
            f"the pinned digest has {len(pinned)} characters and is not a SHA-256 of 64 hexadecimal digits",
            hint="Give what sha256sum prints for the right file, or pin nothing.",
        )
    return pinned


def _refuse_what_is_no_table(content: bytes, location: Location) -> None:
    instead = sniffing.what_came_instead(content)
    if instead is not None:
        raise SourceRefused(
            f"instead of a table there came {location.conceal(instead.name)}", where=location.shown, hint=instead.hint
        )
