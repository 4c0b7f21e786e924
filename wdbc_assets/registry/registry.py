"""What is in production: the champion's pointer, which only a promotion or a rollback moves, and the history of it.

    champion/current.json             the pointer: the manifest of what is in production
    champion/versions/<digest>/...    the bundles, as of any asset
    champion/promoted/<digest>.json   the manifest of each that ever was, to go back to
    champion/evidence/<digest>.json   each judgement: versions, criteria, intervals
    champion/history.jsonl, .json     who moved the pointer, when and why: see `history`
    champion/experiment.json, ...     a challenger beside it: see `experiments`

Order of a decision: all that it needs (files, manifest and evidence of a new champion, the terms of an experiment);
then, under the lock, the entry of the history, the file that it decides about (the pointer, or the experiment), and the
head of the history. The entry is the decision. A writer that is killed after it leaves an unfinished entry, and the
next one finishes that before anything else: so no pointer and no experiment ever stands without its entry. Until then
readers see the earlier champion or experiment, whole. A signal that asks to end is heeded before the entry, or after
the head.

The pointer is moved only if it still is where it was when the decision was made: of two promotions at once one wins,
and the other is told.
"""

import contextlib
import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from wdbc_assets import safe_text, signals
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.registry import audit_log, standings
from wdbc_assets.registry.audit_log import Content, Entry, History
from wdbc_assets.registry.standings import Standing, WayBack
from wdbc_assets.registry.verdicts import Judgement
from wdbc_assets.store import index, parsing, paths
from wdbc_assets.store.backends import Backend, CannotRead
from wdbc_assets.store.manifest import OF_CHAMPION, Manifest
from wdbc_assets.store.parsing import DamagedStore, Malformed
from wdbc_assets.store.store import Draft, Store

_READS = 5
_LOOKS, _LOOK_SECONDS = 20, 0.05  # a decision takes milliseconds from its entry to its end
_CLEANED_UP = "cleaned up"


class Superseded(WdbcError):
    """Another decision moved the champion meanwhile."""


@dataclass(frozen=True)
class Decision:
    """What a move of the pointer, or the refusal of one, is to say in the history."""

    actor: str
    run_id: str | None
    candidate: str | None = None
    recipe: str | None = None
    verdict: str | None = None
    evidence: str | None = None
    reason: str = ""
    forced: bool = False

    def __post_init__(self) -> None:
        """Keep actor and reason as one line each: they are read in a list, and by others than who wrote them."""
        for name in ("actor", "reason"):
            object.__setattr__(self, name, safe_text.one_line(getattr(self, name)))


class Registry:
    """The champion of one store."""

    def __init__(self, store: Store, backend: Backend) -> None:
        self._store = store
        self._backend = backend

    # Reading

    def standing(self) -> Standing:
        """Return what is in production and how that came about. Looking repairs nothing.

        While somebody else writes a decision, a moment is waited for its end.

        Raises:
            UnsupportedFormat: the store has a format that this release does not read.
            DamagedStore: the store's format file is damaged.
        """
        standing = self.standing_under_lock()
        for _ in range(_LOOKS):
            if standing.settled or not self._backend.is_locked():
                break
            time.sleep(_LOOK_SECONDS)
            standing = self.standing_under_lock()
        return self.standing_under_lock() if not standing.settled else standing

    def standing_under_lock(self) -> Standing:
        """Return the same for one who holds the store's lock: nobody else writes, and nothing is waited for."""
        self._store.require_known_format()
        found = self._history()
        problems = [*found.faults]
        settled = True
        try:
            manifest = self._current()
        except DamagedStore as error:
            manifest = None
            problems.append(error.what)
        else:
            if manifest is not None and (damage := self._store.damage(manifest)):
                problems.append(damage)
            unlike = standings.unlike(manifest, found)
            settled = not unlike
            problems += unlike
        return Standing(manifest, found, tuple(problems), settled)

    def evidence(self, digest: str) -> dict[str, Any]:
        """Return the document of a judgement.

        Raises:
            DamagedStore: it is missing, or not the one that was written.
        """
        content = self._content(paths.evidence(digest)).data or b""
        document: dict[str, Any] | None = None
        with contextlib.suppress(Malformed):
            if hashlib.sha256(content).hexdigest() == digest:
                plain = parsing.decode(content)
                parsing.build(Judgement, plain)
                document = plain
        if document is None:
            raise DamagedStore(
                "the evidence of a decision is missing, or is not what was written",
                where=f"{self._store.url}/{paths.evidence(digest)}",
                hint="The champion is untouched. Judge again: `wdbc promote --dry-run`.",
            )
        return document

    def lost_evidence(self) -> list[str]:
        """Say of which entries the evidence is missing or not what was written."""
        lost = []
        for entry in self._history().entries:
            try:
                if entry.evidence:
                    self.evidence(entry.evidence)
            except DamagedStore:
                lost.append(f"the evidence of entry {entry.number} is missing, or is not what was written")
        return lost

    def promoted(self, version: str) -> Manifest | None:
        """Return the manifest of a version that is or was champion, None if there is none.

        Raises:
            DamagedStore: it is not the one that was written.
        """
        path = paths.promoted(version)
        try:
            content = self._backend.read(path)
        except FileNotFoundError:
            return None
        where = f"{self._store.url}/{path}"
        return Manifest.from_json(content, where=where, name=OF_CHAMPION, asset=paths.CHAMPION, version=version)

    def known(self, standing: Standing) -> dict[str, str | None]:
        """Return every version that is or was champion, with its recipe as far as the history says it.

        The next one that a rollback leads to comes first. A version of which only a manifest lies there is one too.
        """
        recipes = {str(entry.after): entry.recipe for entry in (*standing.earlier, *standing.history.moves)}
        names = (PurePosixPath(file.path) for file in self._backend.listed(paths.PROMOTED))
        stems = [name.stem for name in names if name.suffix == ".json" and paths.VERSION.fullmatch(name.stem)]
        return recipes | {stem: None for stem in sorted(stems) if stem not in recipes}

    def ways_back(self, standing: Standing, *, most: int | None = None) -> list[WayBack]:
        """Return each champion that a rollback leads to, the next one first, and what is damaged there.

        The present one is among them, for it is one of them once there is another. One that was cleaned up (`wdbc gc`)
        is not: neither its manifest nor its files are there. `most` is how many are looked at; every file is read.
        """
        known = list(self.known(standing).items())[:most]
        ways = (WayBack(version, recipe, self._obstacle(version)) for version, recipe in known)
        return [way for way in ways if way.damage != _CLEANED_UP]

    def problems(self, standing: Standing, *, most: int | None = None) -> list[str]:
        """Return what is damaged of what is in production, and of where a rollback leads; empty if nothing is."""
        return [*standing.problems, *(str(way) for way in self.ways_back(standing, most=most) if way.damage)]

    def _obstacle(self, version: str) -> str | None:
        try:
            manifest = self.promoted(version)
            if manifest is not None:
                return self._store.damage(manifest)
            if self._backend.listed(paths.bundle(version)):
                return f"its manifest is missing: {paths.promoted(version)}"
        except WdbcError as error:
            return f"{error.what}: {error.where}"
        return _CLEANED_UP

    # Writing

    def keep_evidence(self, document: Mapping[str, Any]) -> str:
        """Store the document of a judgement and return its digest."""
        content = json.dumps(document, indent=2, allow_nan=False).encode() + b"\n"
        digest = hashlib.sha256(content).hexdigest()
        self._backend.replace(paths.evidence(digest), content)
        return digest

    def promote(
        self, draft: Draft, decision: Decision, *, expected: str | None, made_of: Iterable[Manifest] = ()
    ) -> Entry:
        """Put a bundle into production, if what is there still is the version that it was judged against.

        `made_of` are the manifests of what it was made of and judged by.

        Raises:
            Superseded: it is not; nothing was moved.
            DamagedStore: what the bundle is made of is gone, or damaged.
        """
        self._store.write(draft)
        self._backend.replace(paths.promoted(draft.manifest.version), draft.manifest.to_json())
        if decision.run_id:
            self._backend.replace(paths.made_by(decision.run_id, paths.CHAMPION), draft.manifest.to_json())
        with self.deciding():
            self.require(expected)
            self._store.write(draft)  # what nothing points to may be cleaned up until the lock is held
            for manifest in made_of:
                self._store.files(manifest)
            return self._record(audit_log.PROMOTED, decision, before=expected, after=draft.manifest.version)

    def keep(self, decision: Decision, *, expected: str | None) -> Entry:
        """Note that a candidate was judged and the champion stays; a judgement that was noted before is not again.

        Raises:
            Superseded: there is another champion than the one that it was judged against.
        """
        with self.deciding():
            self.require(expected)
            last = self._history().last
            if last and last.action == audit_log.KEPT and (last.evidence, last.after) == (decision.evidence, expected):
                return last
            return self.note(audit_log.KEPT, decision, version=expected)

    def note(self, action: str, decision: Decision, *, version: str | None) -> Entry:
        """Record a decision that leaves the champion where it is, and carry it out. Only inside of `deciding`."""
        found = self._history()
        recipe = found.moves[-1].recipe if found.moves else None
        return self._record(action, replace(decision, recipe=recipe), before=version, after=version)

    def rollback(self, version: str | None, decision: Decision) -> Entry:
        """Put an earlier champion back: the one before, or a version given by its first digits.

        A version can be gone back to whatever is damaged but its own files. Which one was before is not believed of a
        damaged history.

        Raises:
            WdbcError: there is none such, or not one alone, or it is what is in production.
            DamagedStore: its files are missing or damaged, or the history is, and no version was given.
        """
        with self.deciding():
            standing = self.standing_under_lock()
            known = self.known(standing)
            target = standings.target(standing, version, known, self._store.url)
            manifest = self._manifest_of(target)
            if manifest is None:
                what = f"the manifest of champion {standings.short(target)} is gone (cleaned up, say), or damaged"
                raise standings.no_such(what, self._store.url, known)
            bundle = self._store.files(manifest)
            self._backend.replace(paths.promoted(target), manifest.to_json())
            decision = replace(decision, recipe=known[target] or _recipe(bundle))
            return self._record(audit_log.ROLLED_BACK, decision, before=standing.believed, after=manifest.version)

    def _manifest_of(self, version: str) -> Manifest | None:
        """Return the manifest of a champion to go back to: its own, or if that is damaged any that states the same."""
        with contextlib.suppress(DamagedStore):
            if (manifest := self.promoted(version)) is not None:
                return manifest
        stated = index.read(self._store).stated.get((paths.CHAMPION, version), ())
        return next((one.manifest for one in stated), None)

    @contextmanager
    def deciding(self) -> Iterator[Entry | None]:
        """Hold off every other decision; return the entry that a killed writer left half done and this one finished."""
        with self._backend.commit_lock():
            yield self._finish()

    def _finish(self) -> Entry | None:
        unfinished = self._history().unfinished
        if unfinished is None:
            return None
        try:
            files = self._completion(unfinished)
        except DamagedStore:  # the champion stays, and stands beside the entry as a problem, until the next rollback
            files = {paths.HISTORY_HEAD: audit_log.head_of(unfinished)}
        self._write(files)
        return unfinished

    def _record(self, action: str, decision: Decision, *, before: str | None, after: str | None) -> Entry:
        entry = _entry(action, decision, before=before, after=after)
        content, placed = self._history().with_entry(entry)
        completion = self._completion(placed)
        if self._content(paths.HISTORY).problem:
            self._backend.set_aside(paths.HISTORY)  # it is evidence
        self._write({paths.HISTORY: content, **completion})
        return placed

    def _completion(self, entry: Entry) -> dict[str, bytes]:
        """Return what is to be written once an entry stands, in this order. Written again, it changes nothing."""
        files = {}
        if entry.action in audit_log.MOVES and entry.after and (manifest := self.promoted(entry.after)) is not None:
            files[paths.pointer(paths.CHAMPION)] = manifest.to_json()
        elif entry.action == audit_log.EXPERIMENT_STARTED:
            files[paths.EXPERIMENT] = self._content(paths.NEXT_EXPERIMENT).data or b""
        elif entry.action == audit_log.EXPERIMENT_STOPPED:
            files[paths.EXPERIMENT] = b""
        return {**files, paths.HISTORY_HEAD: audit_log.head_of(entry)}

    def _write(self, files: Mapping[str, bytes]) -> None:
        with signals.deferred():
            for path, content in files.items():
                self._backend.replace(path, content)

    def require(self, expected: str | None) -> None:
        """Raise Superseded if another version is in production than a decision expects."""
        now = self._current()
        found = now.version if now else None
        if found != expected:
            change = f"{standings.short(expected)} -> {standings.short(found)}"
            raise Superseded(
                f"another decision moved the champion meanwhile: {change}",
                where=self._store.url,
                hint="This one moved nothing. Judge again, against the champion that there is now: `wdbc promote`.",
            )

    def _current(self) -> Manifest | None:
        self._store.require_known_format()
        try:
            return self._store.current(paths.CHAMPION)
        except DamagedStore as error:
            raise DamagedStore(
                "the champion's pointer is damaged: it is not what was written",
                where=error.where,
                hint="Go back to what the history says: `wdbc rollback --reason TEXT`. The bundles are untouched.",
            ) from None

    def _history(self) -> History:
        """Read the history, with a head that is of the same instant if that can be had without the lock."""
        head = self._content(paths.HISTORY_HEAD)
        for _ in range(_READS):
            lines = self._content(paths.HISTORY)
            again = self._content(paths.HISTORY_HEAD)
            if again == head:
                break
            head = again
        return audit_log.read(lines, head)

    def _content(self, path: str) -> Content:
        try:
            return Content(self._backend.read(path))
        except FileNotFoundError:
            return Content(None)
        except (DamagedStore, CannotRead) as error:
            return Content(None, error.what)


def open_registry(store: Store) -> Registry:
    """Return the registry of a store."""
    return Registry(store, store.backend)


def _entry(action: str, decision: Decision, *, before: str | None, after: str | None) -> Entry:
    return Entry(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        actor=decision.actor,
        action=action,
        run_id=decision.run_id,
        before=before,
        after=after,
        recipe=decision.recipe,
        candidate=decision.candidate,
        verdict=decision.verdict,
        evidence=decision.evidence,
        reason=decision.reason,
        forced=decision.forced,
    )


def _recipe(bundle: Mapping[str, bytes]) -> str | None:
    """Return the recipe that a bundle states, for a champion of which no entry can be read any more."""
    try:
        plain = parsing.decode(bundle[paths.BUNDLE])
    except (KeyError, Malformed):
        return None
    recipe = plain.get("recipe") if isinstance(plain, dict) else None
    return recipe if isinstance(recipe, str) else None
