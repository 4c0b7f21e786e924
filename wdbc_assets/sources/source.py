"""What every kind of source has in common: how it is fetched, and what identifies its content.

A kind is a subclass in a file of its own, listed in `schemes.KINDS`; it only knows how to read an address. Unpacking,
the size limit, the rejection of content that is not a table, and the pinned digest apply to all. Content is identified
by the digest of the table, so repacking does not change it.
"""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self, cast
from urllib.parse import unquote

from wdbc_assets import safe_text
from wdbc_assets.domain.data import row_text
from wdbc_assets.domain.data.csv_layouts import NotATable
from wdbc_assets.domain.data.lines import LinesFile
from wdbc_assets.sources import large_tables, sniffing, unpacking
from wdbc_assets.sources import limits as bounds
from wdbc_assets.sources.errors import SourceRefused, UnknownSource
from wdbc_assets.sources.limits import DEFAULT, QUICK, REAL_CLOCK, Clock, Limits
from wdbc_assets.sources.origin import Origin, Received, Snapshot
from wdbc_assets.sources.retrying import Report

_SHA256 = re.compile(r"[0-9a-f]{64}")


def silent(line: str) -> None:
    """Discard a report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchContext:
    """What a kind of source needs for one fetch, besides its address.

    Attributes:
        known: the origin of content that the caller still has, if the source may be asked for changes only.
        limits: attempts, times and sizes.
        report: receives one line without secrets for each failed attempt that is followed by another, and from
            time to time the number of rows of a large table.
        clock: time and randomness, replaced in tests.
        stored: returns the table that the caller has, for a source that only states what is new.
        until: the origin of a table to read as it was then, for such a source.
    """

    known: Origin | None
    limits: Limits
    report: Report
    clock: Clock
    stored: Callable[[], Snapshot | None] = lambda: None
    until: Origin | None = None


@dataclass(frozen=True, slots=True)
class Source(ABC):
    """One source.

    Attributes:
        address: the full address, credentials included; hidden in the representation.
        shown: the address for display: user-info and query values are `***`.
        remote: whether reading it needs a network. `wdbc status` does not contact remote sources.
        usage: how a setting names sources of this kind, for error messages.
        names: settings that are not an address, and the address that each stands for.
    """

    address: str = field(repr=False)
    shown: str
    remote: ClassVar[bool]
    usage: ClassVar[str]
    names: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def schemes(cls) -> Collection[str]:
        """Return the URL schemes of this kind, in lower case."""
        return ()

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Return the source at a URL that has one of the schemes of this kind.

        Raises:
            UnknownSource: the URL is malformed.
        """
        if safe_text.split(url) is None or "::" in url:
            raise UnknownSource(
                "the URL is ambiguous or malformed",
                where=f"{url.partition('://')[0].lower()}://{safe_text.HIDDEN}",
                hint="In a user name or password, write / as %2F, @ as %40, : as %3A, ? as %3F and # as %23; "
                "use a single URL, not a chain.",
            )
        shown = safe_text.redact_url(url)
        if "\0" in unquote(url):
            raise UnknownSource("the URL contains a null character", where=shown, hint="Remove %00 from it.")
        return cls(url, shown)

    @abstractmethod
    def read(self, context: FetchContext, /) -> Received | None:
        """Return the bytes at the address, or None if a server reports that they equal the known content.

        Raises:
            SourceRefused: the content does not exist, is forbidden, or is too large.
            SourceUnavailable: it could not be read within the limits of attempts and time.
        """

    def fetch(
        self,
        *,
        known: Origin | None = None,
        sha256: str | None = None,
        limits: Limits = DEFAULT,
        report: Report = silent,
        clock: Clock = REAL_CLOCK,
        stored: Callable[[], Snapshot | None] = lambda: None,
        until: Origin | None = None,
    ) -> Snapshot | None:
        """Return the bytes, read once, and their origin, or None if a server reports that it holds the `known` content.

        Args:
            known: the origin of content that the caller still has. A server is then asked for changes only. It is
                ignored if it belongs to another source, or if the address contains redacted values, because two
                different queries look the same once redacted.
            sha256: the digest that the content must have, 64 hexadecimal digits: that of the table, or that of its
                archive.
            limits: attempts, times and sizes.
            report: receives one line without secrets for each failed attempt that is followed by another, and from
                time to time the number of rows of a large table.
            clock: time and randomness, replaced in tests.
            stored: returns the table that the caller has. A topic is read on from there, whether or not it is `known`.
            until: the origin of a table that is to be read again as it was. Only a topic can do so.

        Raises:
            SourceRefused: as in `read`; or the content is not a table, or does not match the pinned digest.
            SourceUnavailable: as in `read`.
            WdbcError: the temporary file of a large table cannot be written.
        """
        pinned = _checked_pin(sha256)
        usable = self._usable(known, pinned)
        context = FetchContext(
            known=usable,
            limits=limits,
            report=report,
            clock=clock,
            stored=stored,
            until=until if until is not None and until.shown == self.shown and until.topic else None,
        )
        received = self.read(context)
        if received is None:
            return None
        content = self._table(received.content, limits, report)
        digest, size = _identity(content)
        received_digest = digest if content is received.content else _identity(received.content)[0]
        if pinned not in {None, digest, received_digest}:
            raise SourceRefused(
                f"the content has SHA-256 {received_digest}, but {pinned} is pinned",
                where=self.shown,
                hint="Find out why the content differs before changing the pinned digest.",
            )
        return Snapshot(
            content,
            Origin(
                shown=self.shown,
                sha256=digest,
                bytes=size,
                etag=received.etag,
                last_modified=received.last_modified,
                files=received.files,
                topic=received.topic,
            ),
        )

    def fingerprint(self, known: Origin | None = None, *, limits: Limits = QUICK, clock: Clock = REAL_CLOCK) -> str:
        """Return the SHA-256 of the present content. It is not read if a server reports that it is the `known` content.

        By default one attempt is made, with a limit of 10 s.

        Raises:
            SourceRefused, SourceUnavailable: as in `fetch`; `known` remains valid.
        """
        snapshot = self.fetch(known=known, limits=limits, clock=clock)
        # `fetch` returns None only if something was known.
        return (snapshot.origin if snapshot else cast("Origin", known)).sha256

    def conceal(self, text: str) -> str:
        """Return `text`, sent by the source, without secrets of the address that it may echo."""
        return safe_text.redact(safe_text.conceal(text, self.address))

    def _usable(self, known: Origin | None, pinned: str | None) -> Origin | None:
        if known is None or not known.shown == self.shown == self.address:
            return None
        return known if pinned in {None, known.sha256} else None

    def _unpacked(self, received: bytes, limits: Limits) -> bytes:
        try:
            return unpacking.content(
                received, lambda stream: bounds.read_up_to(limits.largest_bytes, stream, where=self.shown)
            )
        except SourceRefused as error:
            error.where = self.shown
            raise

    def _table(self, received: bytes | LinesFile, limits: Limits, report: Report) -> bytes | LinesFile:
        """Return the table in what was received. Parquet, and a text of too many rows, become lines in UCI's layout."""
        if isinstance(received, LinesFile):
            return received
        content = self._unpacked(received, limits)
        is_parquet = content.startswith(row_text.PARQUET)
        if not is_parquet:
            self._require_table(content)
            if content.count(b"\n") <= limits.rows_in_memory:
                return content
        try:
            lines = large_tables.collect(row_text.of_file(content), limits, where=self.shown, report=report)
        except NotATable as error:
            # Of a Parquet file, only a row is a place.
            placed = error.where and (not is_parquet or isinstance(error, row_text.UnsuitableValue))
            place = f"{self.shown}, {error.where}" if placed else self.shown
            raise SourceRefused(error.what, where=place, hint=error.hint, detail=error.detail) from None
        if is_parquet and isinstance(lines, bytes):
            self._require_table(lines)
        # A text is kept as it is unless it has to be in a file; its header is not a row.
        return lines if is_parquet or isinstance(lines, LinesFile) else content

    def _require_table(self, content: bytes) -> None:
        other = sniffing.other_format(content)
        if other is not None:
            raise SourceRefused(
                f"the source is not a table but {self.conceal(other.name)}", where=self.shown, hint=other.hint
            )


def _identity(content: bytes | LinesFile) -> tuple[str, int]:
    """Return the digest and the size of a content."""
    if isinstance(content, LinesFile):
        return content.sha256, content.size
    return hashlib.sha256(content).hexdigest(), len(content)


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
