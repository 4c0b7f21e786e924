"""Fetch the whole content of a location: called by assets, sensors and `wdbc status`.

The kinds of source differ only in their reader. Unpacking, the size limit, the rejection of content that is not a table
and the pinned digest apply to all. A source is identified by the digest of the table, so repacking does not change it.
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
    """The result of checking a source.

    Attributes:
        origin: what the source holds; pass it to the next check.
        reason: how the result was determined.
        changed: whether the bytes differ from the known ones.
    """

    origin: Origin
    reason: str
    changed: bool

    @property
    def identity(self) -> str:
        """The SHA-256 of the source's content: a stable key for the run that fetches it."""
        return self.origin.sha256


def silent(line: str) -> None:
    """Discard a report."""


def fetch(
    location: Location,
    *,
    known: Origin | None = None,
    sha256: str | None = None,
    limits: Limits = DEFAULT,
    report: Report = silent,
    clock: Clock = REAL_CLOCK,
) -> Fetched | NotModified:
    """Return the bytes at `location`, read once, and their origin.

    Args:
        location: the source.
        known: the origin of content that the caller still has. The server is then asked for changes only, and the
            result may be `NotModified`. It is ignored if it belongs to another location, or if the address contains
            redacted values, because two different queries look the same once redacted.
        sha256: the digest that the content must have, 64 hexadecimal digits: that of the table, or that of its archive.
        limits: attempts, times and sizes.
        report: receives one line without secrets for each failed attempt that is followed by another.
        clock: time and randomness, replaced in tests.

    Raises:
        SourceRefused: the content does not exist, is too large, is not a table, or does not match the pinned digest.
        SourceUnavailable: it could not be read within the limits of attempts and time.
    """
    pinned = _checked_pin(sha256)
    if location.kind == "http":
        from wdbc_assets.sources import http

        usable = _usable(known, location, pinned)
        answer = http.get(location.address, limits=limits, known=usable, report=report, clock=clock)
        if answer is None:
            return NotModified(cast("Origin", usable))  # the client returns None only if something was known
        received, etag, last_modified = answer.content, answer.etag, answer.last_modified
    else:
        received, etag, last_modified = _read(location, limits, report, clock), None, None
    content = _unpacked(received, location, limits)
    _require_table(content, location)
    digest = hashlib.sha256(content).hexdigest()
    received_digest = digest if content is received else hashlib.sha256(received).hexdigest()
    if pinned not in {None, digest, received_digest}:
        raise SourceRefused(
            f"the content has SHA-256 {received_digest}, but {pinned} is pinned",
            where=location.shown,
            hint="Find out why the content differs before changing the pinned digest.",
        )
    return Fetched(
        content,
        Origin(shown=location.shown, sha256=digest, bytes=len(content), etag=etag, last_modified=last_modified),
    )


def look(location: Location, known: Origin | None, *, limits: Limits = QUICK, clock: Clock = REAL_CLOCK) -> Look:
    """Return whether `location` holds other bytes than the `known` ones. By default one attempt, with a limit of 10 s.

    Raises:
        SourceRefused, SourceUnavailable: as in `fetch`; `known` remains valid.
    """
    found = fetch(location, known=known, limits=limits, clock=clock)
    digest = found.origin.sha256
    if isinstance(found, NotModified):
        return Look(found.origin, "the server reports no change", changed=False)
    if known is None:
        return Look(found.origin, f"first check of this source; it holds {digest[:12]}", changed=True)
    if digest == known.sha256:
        return Look(found.origin, "the source holds the same bytes", changed=False)
    return Look(found.origin, f"the content changed from {known.sha256[:12]} to {digest[:12]}", changed=True)


def digest_now(location: Location, *, limits: Limits = DEFAULT) -> str | None:
    """Return the SHA-256 of the content at `location`, or None if that needs the network.

    Raises:
        SourceRefused: the file is missing, unreadable, too large or not a regular file.
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


def _unpacked(received: bytes, location: Location, limits: Limits) -> bytes:
    try:
        return unpacking.content(received, partial(files.up_to, limits.largest_bytes, where=location.shown))
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
            f"the pinned digest has {len(pinned)} characters; a SHA-256 has 64 hexadecimal digits",
            hint="Use the output of sha256sum for the correct file, or unset the pinned digest.",
        )
    return pinned


def _require_table(content: bytes, location: Location) -> None:
    other = sniffing.other_format(content)
    if other is not None:
        raise SourceRefused(
            f"the source is not a table but {location.conceal(other.name)}", where=location.shown, hint=other.hint
        )
