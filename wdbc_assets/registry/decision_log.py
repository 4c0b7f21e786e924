"""How a decision is written: everything it needs, then its entry in the audit log, then what it decides about.

Before the entry: files, manifest and evidence of a new champion, or the terms of an experiment. Under the lock: the
entry, the file that it decides about (the pointer or the experiment), and the head of the log. The entry is the
decision. A writer killed after it leaves an unfinished entry, which the next decision completes first: no pointer and
no experiment exists without its entry. Until then readers see the previous champion or experiment, complete. A
termination signal takes effect before the entry or after the head.

On an object store the lock excludes no other machine. There the entry is written only if the log is still the one that
was read before the champion was compared, and a file only if it is still the one before the decision.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from wdbc_assets import clock, safe_text, signals
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.registry import audit_log
from wdbc_assets.registry.audit_log import Content, Entry, History, PolicyVersion, ReferencePatients
from wdbc_assets.store import paths
from wdbc_assets.store.backends import CannotRead
from wdbc_assets.store.manifest import CHAMPION_MANIFEST, Manifest
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.store import Store

_READS = 5


class Superseded(WdbcError):
    """Another decision moved the champion in the meantime."""


@dataclass(frozen=True)
class Decision:
    """What the audit log records about a move of the pointer, or about a candidate that was not promoted."""

    actor: str
    run_id: str | None
    candidate: str | None = None
    recipe: str | None = None
    verdict: str | None = None
    evidence: str | None = None
    reason: str = ""
    forced: bool = False
    policy: PolicyVersion | None = None
    reference: ReferencePatients | None = None

    def __post_init__(self) -> None:
        """Reduce actor and reason to one line each: they appear in a list that others read."""
        for name in ("actor", "reason"):
            object.__setattr__(self, name, safe_text.one_line(getattr(self, name)))

    def entry(self, action: str, *, before: str | None, after: str | None) -> Entry:
        """Return the log entry of this decision, made now."""
        return Entry(
            at=clock.now().isoformat(timespec="seconds"), action=action, before=before, after=after, **vars(self)
        )


@dataclass(frozen=True)
class _Swap:
    """A file to write after an entry, and its content before the decision."""

    path: str
    before: bytes | None
    after: bytes


class DecisionLog:
    """The audit log of a store, and the files that its entries decide about."""

    def __init__(self, store: Store) -> None:
        self._url = store.url
        self._backend = store.backend
        self._base = Content(None)  # the log that the decision being made continues

    def history(self) -> History:
        """Read the audit log and its head, consistent with each other as far as possible without the lock."""
        head = self.content(paths.HISTORY_HEAD)
        for _ in range(_READS):
            lines = self.content(paths.HISTORY)
            again = self.content(paths.HISTORY_HEAD)
            if again == head:
                break
            head = again
        return audit_log.read(lines, head)

    def content(self, path: str) -> Content:
        """Return the content of a file of the registry, or why it cannot be read."""
        try:
            return Content(self._backend.read(path))
        except FileNotFoundError:
            return Content(None)
        except (DamagedStore, CannotRead) as error:
            return Content(None, error.what)

    def promoted(self, version: str) -> Manifest | None:
        """Return the manifest of a version that is or was champion, or None if there is none.

        Raises:
            DamagedStore: it was altered.
        """
        path = paths.promoted(version)
        try:
            content = self._backend.read(path)
        except FileNotFoundError:
            return None
        where = f"{self._url}/{path}"
        return Manifest.from_json(content, where=where, name=CHAMPION_MANIFEST, asset=paths.CHAMPION, version=version)

    @contextmanager
    def deciding(self) -> Iterator[Entry | None]:
        """Block all other decisions; yield the entry of a killed writer, if any, which is completed first."""
        with self._backend.commit_lock():
            # Read once, before the champion: an entry that another machine writes from here on changes the log.
            self._base = self.content(paths.HISTORY)
            unfinished = audit_log.read(self._base, self.content(paths.HISTORY_HEAD)).unfinished
            if unfinished is not None:
                try:
                    swaps = self._completion(unfinished)
                except DamagedStore:  # the champion stays, and the mismatch is reported until the next rollback
                    swaps = [self._swap(paths.HISTORY_HEAD, audit_log.head_of(unfinished))]
                with signals.deferred():
                    self._complete(unfinished, swaps)
            yield unfinished

    def record(self, action: str, decision: Decision, *, before: str | None, after: str | None) -> Entry:
        """Write the entry of a decision and carry it out. Call it only inside `deciding`.

        Raises:
            Superseded: another machine has written an entry meanwhile; nothing was decided.
        """
        history = audit_log.read(self._base, self.content(paths.HISTORY_HEAD))
        content, placed = history.with_entry(decision.entry(action, before=before, after=after))
        swaps = self._completion(placed)
        if self._base.problem:
            self._backend.set_aside(paths.HISTORY)  # keep it as evidence
        with signals.deferred():
            if not self._backend.compare_and_swap(paths.HISTORY, self._base.data, content) and not self._has(placed):
                raise Superseded(
                    "another decision was made in the meantime, on another machine",
                    where=self._url,
                    hint="Nothing was changed. See `wdbc history`, then run this command again.",
                )
            self._base = Content(content)
            self._complete(placed, swaps)
        return placed

    def _has(self, placed: Entry) -> bool:
        """Return whether the log has an entry, which another machine has followed before its answer arrived."""
        return any(entry.digest == placed.digest for entry in self.history().entries)

    def _completion(self, entry: Entry) -> list[_Swap]:
        """Return the files to write after an entry, in order. Writing them again changes nothing."""
        swaps = []
        if entry.action in audit_log.MOVES and entry.after and (manifest := self.promoted(entry.after)) is not None:
            swaps.append(self._swap(paths.pointer(paths.CHAMPION), manifest.to_json()))
        elif entry.action == audit_log.EXPERIMENT_STARTED:
            swaps.append(self._swap(paths.EXPERIMENT, self.content(paths.NEXT_EXPERIMENT).data or b""))
        elif entry.action == audit_log.EXPERIMENT_STOPPED:
            swaps.append(self._swap(paths.EXPERIMENT, b""))
        return [*swaps, self._swap(paths.HISTORY_HEAD, audit_log.head_of(entry))]

    def _swap(self, path: str, after: bytes) -> _Swap:
        return _Swap(path, self.content(path).data, after)

    def _complete(self, entry: Entry, swaps: list[_Swap]) -> None:
        """Write what follows an entry, unless another machine has done so and made the next decision.

        That decision may have restored the very pointer from before the entry, which a swap would move again.
        """
        for swap in swaps:
            last = self.history().last
            if last is None or last.digest != entry.digest:
                return
            self._backend.compare_and_swap(swap.path, swap.before, swap.after)
