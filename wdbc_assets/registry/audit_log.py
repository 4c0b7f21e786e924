"""The audit log of what is in production: append-only entries, each with the digest of the previous one.

    champion/history.jsonl    one entry per line, oldest first
    champion/history.json     the head: the number of entries and the digest of the last one

An entry that was altered, removed or inserted is therefore detected, including the last one. The digests detect damage
and accidental edits; someone who can write to the store can also rewrite the whole log.

Damage never blocks the next decision. Unreadable lines are kept as evidence, and the next entry follows the last
readable one. Only entries with a valid digest determine where the pointer is.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from wdbc_assets.store import parsing, paths
from wdbc_assets.store.parsing import Malformed

PROMOTED, KEPT, ROLLED_BACK, POLICY_PROMOTED = "promoted", "kept", "rolled back", "policy promoted"
EXPERIMENT_STARTED, EXPERIMENT_STOPPED = "shadow started", "shadow stopped"
REFIT_COMPARED = "refit compared"
REBASED = "rebased"
EXPERIMENT = frozenset({EXPERIMENT_STARTED, EXPERIMENT_STOPPED})
REFER_ALL_ON, REFER_ALL_OFF = "refer all on", "refer all off"
MOVES = frozenset({PROMOTED, ROLLED_BACK, POLICY_PROMOTED})
"""The actions that move the pointer. All others leave the champion unchanged."""

_MOST_ENTRIES = 10**9  # a larger number was altered and is not continued


@dataclass(frozen=True)
class PolicyVersion:
    """A version of decision_policy, the share of malignant that it is for, and that of its training set."""

    version: str
    prevalence: float
    trained: float

    @property
    def is_recalibrated(self) -> bool:
        """Whether it is for another prevalence than that of its training set."""
        return self.prevalence != self.trained


@dataclass(frozen=True)
class ReferencePatients:
    """The patients with whom later batches are compared: see `references`.

    Attributes:
        after: The latest batch at the time of the decision. Later ones are compared with these patients.
        batches: The batches that they are from, oldest first; empty for the patients of development.
        patients: Their number; 0 for those of development.
        table: The SHA-256 of the stored table; empty for the patients of development.
    """

    after: str
    batches: tuple[str, ...] = ()
    patients: int = 0
    table: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One decision: when, who, in which run, from which champion version to which, and why.

    `candidate` is the version of fitted_pipeline that the gate compared, `recipe` that of the champion after the
    decision, `evidence` the digest of the verdict document. If the champion is kept, `before` equals `after`. `policy`
    is the policy of the champion, if the entry promotes it alone, or if it is for another prevalence. `reference` are
    the patients with whom later batches are compared, if the entry is about them.
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
    policy: PolicyVersion | None = None
    reference: ReferencePatients | None = None
    previous: str = ""
    digest: str = ""

    def chained(self, number: int, previous: str) -> "Entry":
        """Return the entry with its number, the digest of the previous entry, and its own digest."""
        placed = replace(self, number=number, previous=previous)
        return replace(placed, digest=placed.digest_of_content())

    def digest_of_content(self) -> str:
        """Return the digest that the entry should have."""
        content = {name: value for name, value in self._stated().items() if name != "digest"}
        return parsing.digest(content)

    def to_plain(self) -> dict[str, Any]:
        """Return the entry as stored in the file."""
        return {{"before": "from", "after": "to"}.get(name, name): value for name, value in self._stated().items()}

    def _stated(self) -> dict[str, Any]:
        """Return the fields, without `policy` and `reference` in an entry that has none."""
        omitted = ("policy", "reference")
        return {name: value for name, value in asdict(self).items() if name not in omitted or value is not None}

    @property
    def whole(self) -> bool:
        """Whether the entry matches its own digest."""
        return self.digest == self.digest_of_content()

    @classmethod
    def from_line(cls, line: bytes) -> "Entry":
        """Read an entry; raise Malformed (a ValueError) if the line is not one."""
        plain = parsing.decode(line)
        if not isinstance(plain, dict) or not {"from", "to"} <= set(plain):
            raise Malformed("it is not an entry")
        plain["before"], plain["after"] = plain.pop("from"), plain.pop("to")
        entry = parsing.build(cls, plain)
        if not all(version is None or paths.VERSION.fullmatch(version) for version in entry.versions):
            raise Malformed("it refers to an invalid version")
        return entry

    @property
    def versions(self) -> tuple[str | None, ...]:
        """All versions and digests that the entry refers to."""
        policy = self.policy.version if self.policy else None
        table = (self.reference.table or None) if self.reference else None
        return (self.before, self.after, self.candidate, self.evidence, policy, table)


@dataclass(frozen=True)
class Head:
    """The number of completely written entries, and the digest of the last one."""

    entries: int
    digest: str


NO_HEAD = Head(0, "")


@dataclass(frozen=True)
class History:
    """The audit log as stored: its lines, the readable entries, and its problems.

    `head` is None if it is damaged, or missing where it has to exist.
    """

    lines: tuple[bytes, ...]
    entries: tuple[Entry, ...]
    problems: tuple[str, ...]
    head: Head | None

    @property
    def last(self) -> Entry | None:
        """The last readable entry."""
        return self.entries[-1] if self.entries else None

    @property
    def moves(self) -> list[Entry]:
        """The entries that moved the pointer, without altered ones."""
        return [entry for entry in self.entries if entry.action in MOVES and entry.whole]

    @property
    def unfinished(self) -> Entry | None:
        """The last entry, if its writer was interrupted: the pointer may not have been moved yet."""
        last = self.last
        if last is None or self.head is None or not last.whole:
            return None
        return last if (last.number, last.previous) == (self.head.entries + 1, self.head.digest) else None

    def with_entry(self, entry: Entry) -> tuple[bytes, Entry]:
        """Return the file's content with one more entry, and that entry."""
        last = self.last
        known = (last.number if last else 0, self.head.entries if self.head else 0, len(self.lines))
        number = max(number for number in known if number < _MOST_ENTRIES) + 1
        placed = entry.chained(number, last.digest if last else "")
        line = json.dumps(placed.to_plain(), ensure_ascii=False).encode()
        return b"".join(kept + b"\n" for kept in (*self.lines, line)), placed


@dataclass(frozen=True)
class Content:
    """The content of a file: None if it is missing, and the problem if it cannot be read."""

    data: bytes | None
    problem: str = ""


def read(lines: Content, head: Content) -> History:
    """Read an audit log and its head, and collect the problems of both."""
    kept = tuple(line for line in (lines.data or b"").split(b"\n") if line)
    entries: list[Entry] = []
    problems = [f"{paths.HISTORY} cannot be read: {lines.problem}"] if lines.problem else []
    unread = 0
    for place, line in enumerate(kept, start=1):
        try:
            entry = Entry.from_line(line)
        except Malformed as error:
            problems.append(f"line {place} is damaged: {error}")
            unread += 1
            continue
        problems += _entry_problems(entry, entries[-1] if entries else None, unread)
        entries.append(entry)
        unread = 0
    stated: Head | None = None
    try:
        stated = _head(head, len(kept))
    except Malformed as error:
        problems.append(f"{paths.HISTORY_HEAD} {error}: cannot determine whether later entries were removed")
    if stated is not None and not lines.problem:
        problems += _head_problems(stated, entries, unread)
    return History(kept, tuple(entries), tuple(problems), stated)


def _head(content: Content, lines: int) -> Head:
    """Return the head; Malformed says why it is unusable. No head exists until the first decision is complete."""
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
        raise Malformed("is damaged: it counts no entries")
    return head


def _entry_problems(entry: Entry, before: Entry | None, unread: int) -> list[str]:
    """Say its problems with an entry after another; `unread` lines between them cannot be read, and were named."""
    problems = [] if entry.whole else [f"entry {entry.number} was altered"]
    number, digest = (before.number, before.digest) if before else (0, "")
    if entry.number > number + 1 + unread:
        problems.append(f"{_named(number + 1 + unread, entry.number - 1)} removed")
    elif not unread and (entry.number, entry.previous) != (number + 1, digest):
        problems.append(
            f"entry {entry.number} does not follow the previous one, which was altered, or an entry was inserted"
        )
    return problems


def _head_problems(head: Head, entries: Sequence[Entry], unread: int) -> list[str]:
    """Say its problems at the end."""
    last = entries[-1].number if entries else 0
    if not (entries or unread) and head.entries:
        return [f"{paths.HISTORY} is missing or empty: {_named(1, head.entries)} removed"]
    if last + unread < head.entries:
        return [f"{_named(last + unread + 1, head.entries)} removed"]
    if last > head.entries + 1:
        return [f"{_named(head.entries + 1, last)} added by another program"]
    counted = next((entry for entry in entries if entry.number == head.entries), None)
    if counted is not None and counted.digest != head.digest:
        return [f"entry {head.entries} was altered: its digest does not match {paths.HISTORY_HEAD}"]
    return []


def _named(first: int, last: int) -> str:
    return f"entry {first} was" if first == last else f"entries {first} to {last} were"


def head_of(entry: Entry) -> bytes:
    """Return the head that follows an entry."""
    return json.dumps({"entries": entry.number, "digest": entry.digest}, indent=2).encode() + b"\n"
