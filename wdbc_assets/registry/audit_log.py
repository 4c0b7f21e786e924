"""The history of what is in production: entries are added and never changed, each with the digest of the one before.

    champion/history.jsonl    one entry a line, the first one first
    champion/history.json     how many there are, and the digest of the last one

So an entry that was altered, removed or put in between is found and named, the last one too. Digests find damage and
clumsy hands; whoever may write into the store can write all of it anew.

Damage never stops the next decision: lines that cannot be read stay where they are, as evidence, and the next entry
follows the last one that can be. Only entries whose digest is their own say where the pointer was moved.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from wdbc_assets.store import parsing, paths
from wdbc_assets.store.parsing import Malformed

PROMOTED, KEPT, ROLLED_BACK = "promoted", "kept", "rolled back"
EXPERIMENT_STARTED, EXPERIMENT_STOPPED = "shadow started", "shadow stopped"
EXPERIMENT = frozenset({EXPERIMENT_STARTED, EXPERIMENT_STOPPED})
MOVES = frozenset({PROMOTED, ROLLED_BACK})
"""What moves the pointer. All else leaves the champion where it is."""

_MOST_ENTRIES = 10**9  # a larger number was altered: nothing is counted on from it


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One decision: when, who, in which run, from which version of the champion to which, and why.

    `candidate` is the version of fitted_pipeline that was judged, `recipe` that of the champion as it is afterwards,
    `evidence` the digest of the document that the verdict stands in. A champion that was kept is from itself to itself.
    """

    number: int = 0
    at: str
    actor: str
    action: str
    run_id: str | None
    before: str | None
    after: str | None
    recipe: str | None
    candidate: str | None
    verdict: str | None
    evidence: str | None
    reason: str
    forced: bool = False
    previous: str = ""
    digest: str = ""

    def chained(self, number: int, previous: str) -> "Entry":
        """Return the entry in its place: with its number, the digest of the one before, and its own."""
        placed = replace(self, number=number, previous=previous)
        return replace(placed, digest=placed.digest_of_content())

    def digest_of_content(self) -> str:
        """Return the digest that the entry must have."""
        content = {name: value for name, value in asdict(self).items() if name != "digest"}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def to_plain(self) -> dict[str, Any]:
        """Return the entry as it stands in the file."""
        plain = asdict(self)
        return {{"before": "from", "after": "to"}.get(name, name): value for name, value in plain.items()}

    @property
    def whole(self) -> bool:
        """Whether it is what was written, as far as its own digest tells."""
        return self.digest == self.digest_of_content()

    @classmethod
    def from_line(cls, line: bytes) -> "Entry":
        """Read an entry; Malformed (a ValueError) if it is none."""
        plain = parsing.decode(line)
        if not isinstance(plain, dict) or not {"from", "to"} <= set(plain):
            raise Malformed("it is no entry")
        plain["before"], plain["after"] = plain.pop("from"), plain.pop("to")
        entry = parsing.build(cls, plain)
        if not all(version is None or paths.VERSION.fullmatch(version) for version in entry.versions):
            raise Malformed("it names something that is no version")
        return entry

    @property
    def versions(self) -> tuple[str | None, ...]:
        """Every version and digest that places in the store are named by."""
        return (self.before, self.after, self.candidate, self.evidence)


@dataclass(frozen=True)
class Head:
    """How many entries were written to the end, and the digest of the last of them."""

    entries: int
    digest: str


NO_HEAD = Head(0, "")


@dataclass(frozen=True)
class History:
    """What lies there: each line, the entries that could be read, and its problems; empty if nothing is.

    `head` is None if it is damaged, or missing where there has to be one.
    """

    lines: tuple[bytes, ...]
    entries: tuple[Entry, ...]
    faults: tuple[str, ...]
    head: Head | None

    @property
    def last(self) -> Entry | None:
        """The last entry that could be read."""
        return self.entries[-1] if self.entries else None

    @property
    def moves(self) -> list[Entry]:
        """The entries that moved the pointer; none that was altered, for it may say anything."""
        return [entry for entry in self.entries if entry.action in MOVES and entry.whole]

    @property
    def unfinished(self) -> Entry | None:
        """The last entry, if its writer has not come to the end: the pointer may not have been moved yet."""
        last = self.last
        if last is None or self.head is None or not last.whole:
            return None
        return last if (last.number, last.previous) == (self.head.entries + 1, self.head.digest) else None

    def with_entry(self, entry: Entry) -> tuple[bytes, Entry]:
        """Return the content of the file with one more entry, and the entry in its place."""
        last = self.last
        known = (last.number if last else 0, self.head.entries if self.head else 0, len(self.lines))
        number = max(number for number in known if number < _MOST_ENTRIES) + 1
        placed = entry.chained(number, last.digest if last else "")
        line = json.dumps(placed.to_plain(), ensure_ascii=False).encode()
        return b"".join(one + b"\n" for one in (*self.lines, line)), placed


@dataclass(frozen=True)
class Content:
    """What lies in the place of a file: its bytes, None if it is missing, and why it cannot be read, if it cannot."""

    data: bytes | None
    problem: str = ""


def read(lines: Content, head: Content) -> History:
    """Read a history and its head, and say its problems in them, entry by entry."""
    kept = tuple(line for line in (lines.data or b"").split(b"\n") if line)
    entries: list[Entry] = []
    faults = [f"{paths.HISTORY} cannot be read: {lines.problem}"] if lines.problem else []
    unread = 0
    for place, line in enumerate(kept, start=1):
        try:
            entry = Entry.from_line(line)
        except Malformed as error:
            faults.append(f"line {place} is no entry any more: {error}")
            unread += 1
            continue
        faults += _amiss(entry, entries[-1] if entries else None, unread)
        entries.append(entry)
        unread = 0
    stated: Head | None = None
    try:
        stated = _head(head, len(kept))
    except Malformed as error:
        faults.append(f"{paths.HISTORY_HEAD} {error}: whether later entries were removed cannot be told")
    if stated is not None and not lines.problem:
        faults += _against(stated, entries, unread)
    return History(kept, tuple(entries), tuple(faults), stated)


def _head(content: Content, lines: int) -> Head:
    """Return the head; Malformed says why it counts nothing. There is none before the first decision is at its end."""
    if content.problem:
        raise Malformed(f"cannot be read: {content.problem}")
    if content.data is None:
        if lines > 1:
            raise Malformed("is missing")
        return NO_HEAD
    try:
        head = parsing.read(Head, content.data)
    except Malformed as error:
        raise Malformed(f"is damaged: {error}") from None
    if head.entries < 1:
        raise Malformed("is damaged: it counts no entry")
    return head


def _amiss(entry: Entry, before: Entry | None, unread: int) -> list[str]:
    """Say its problems with an entry after another; `unread` lines between them cannot be read, and were named."""
    found = [] if entry.whole else [f"entry {entry.number} was altered"]
    number, digest = (before.number, before.digest) if before else (0, "")
    if entry.number > number + 1 + unread:
        found.append(f"{_named(number + 1 + unread, entry.number - 1)} removed")
    elif not unread and (entry.number, entry.previous) != (number + 1, digest):
        found.append(
            f"entry {entry.number} does not follow the one before it: that one was altered, or one was put in between"
        )
    return found


def _against(head: Head, entries: Sequence[Entry], unread: int) -> list[str]:
    """Say its problems at the end."""
    last = entries[-1].number if entries else 0
    if not (entries or unread) and head.entries:
        return [f"{paths.HISTORY} is missing or empty: {_named(1, head.entries)} removed"]
    if last + unread < head.entries:
        return [f"{_named(last + unread + 1, head.entries)} removed"]
    if last > head.entries + 1:
        return [f"{_named(head.entries + 1, last)} added, and not by this program"]
    of_head = next((entry for entry in entries if entry.number == head.entries), None)
    if of_head is not None and of_head.digest != head.digest:
        return [f"entry {head.entries} is not the one that was written"]
    return []


def _named(first: int, last: int) -> str:
    return f"entry {first} was" if first == last else f"entries {first} to {last} were"


def head_of(entry: Entry) -> bytes:
    """Return the head after an entry."""
    return json.dumps({"entries": entry.number, "digest": entry.digest}, indent=2).encode() + b"\n"
