"""A challenger under test: which one is scored beside the champion, what share of requests it answers, and the pairs.

    champion/experiment.json                         the experiment: the challenger's manifest, and its terms
    champion/experiment.next.json                    the same of the last one begun, for an unfinished entry
    champion/challengers/<digest>.json               the manifest of each bundle that ever was a challenger
    champion/pairs/<candidate>/<champion>/<series>/  what became of the patients:
        <worker>-<process>-<part>.jsonl              pairs: what both said of the same patient, one patient a line
        <worker>.json                                how many one worker gave it, and how many have no pair and why

Scored is a patient whose pair lies there, and no other. Experiments of a candidate beside one champion share one
series, until one of them is begun with the next.

An experiment is against one champion. Once another is in production, the experiment is over, whatever the file says. In
the folder of the pairs `<candidate>` is the version of fitted_pipeline, for that is what the gate judges. No
measurement is kept in a pair: the id of the request and the row in it are enough to join a diagnosis that comes later.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from wdbc_assets.registry import audit_log
from wdbc_assets.registry.registry import Decision, Registry
from wdbc_assets.store import parsing, paths
from wdbc_assets.store.manifest import OF_CHAMPION, Manifest
from wdbc_assets.store.parsing import DamagedStore, Malformed
from wdbc_assets.store.store import Draft, Store

CHAMPION, CHALLENGER = "champion", "challenger"
"""Who answered a request."""

OUTCOMES = SCORED, FAILED, DROPPED = "scored", "failed", "dropped"
"""What became of a patient: a pair, none though given to it, or not given (no time, enough pairs)."""

GIVEN, ANSWERED = "given", "answered"
COUNTED = (GIVEN, FAILED, DROPPED, ANSWERED)
"""What a worker counts: `given` is what the challenger was given to pair, `answered` what it answered itself."""

_COUNTS, _PAIRS = ".json", ".jsonl"
_PARTS_OF_WORKER = 2  # of a name that `-` separates: a time, and random digits

_SETTLED_SECONDS = 60.0
"""A worker that lives puts pairs and counts down every few seconds: what is missing after this time is lost."""


@dataclass(frozen=True)
class Experiment:
    """The terms of an experiment.

    `against` is the version of the champion, `share` what the challenger answers itself, `series` which one of its
    series of pairs and counts goes on.
    """

    challenger: Manifest
    recipe: str
    against: str
    share: float
    at: str
    actor: str
    reason: str
    series: int = 1

    @property
    def candidate(self) -> str:
        """The version of fitted_pipeline that the challenger was made of."""
        return self.challenger.inputs["fitted_pipeline"]

    @property
    def can_be_followed(self) -> bool:
        """Whether its versions can be looked for, and its share is one."""
        named = "fitted_pipeline" in self.challenger.inputs and paths.VERSION.fullmatch(self.against) is not None
        return named and 0 <= self.share <= 1 and self.series >= 1

    def to_json(self) -> bytes:
        """Return it as indented JSON that ends with its own digest."""
        plain = {**asdict(self), "challenger": self.challenger.to_json().decode()}
        return json.dumps({**plain, "digest": _digest(plain)}, indent=2).encode() + b"\n"

    @classmethod
    def from_json(cls, content: bytes, *, where: str) -> "Experiment":
        """Read an experiment back.

        Raises:
            DamagedStore: it is none, or not the one that was written.
        """
        experiment = None
        try:
            plain = parsing.decode(content)
            if plain.pop("digest") == _digest(plain):
                manifest = Manifest.from_json(
                    plain["challenger"].encode(), where=where, name=OF_CHAMPION, asset=paths.CHAMPION
                )
                experiment = parsing.build(cls, {**plain, "challenger": manifest})
        except (Malformed, DamagedStore, KeyError, TypeError, AttributeError):
            pass
        if experiment is None or not experiment.can_be_followed:
            raise DamagedStore(
                "the experiment of a challenger is damaged: it is not what was written",
                where=where,
                hint="No challenger is scored, and the champion answers all. End it: `wdbc shadow stop`.",
            )
        return experiment


@dataclass(frozen=True)
class Pair:
    """What both said of one patient: P(malignant) of each, and who answered the request."""

    at: str
    request: str
    row: int
    champion: float
    challenger: float
    answered: str

    def to_line(self) -> str:
        """Return it as a line of JSON."""
        return json.dumps(asdict(self)) + "\n"


@dataclass(frozen=True)
class Paired:
    """All that lies there of one series.

    `counts` says what became of the patients; `waiting` are those of whom it is not known yet; `answered` how many the
    challenger answered itself; `unreadable` counts lines that are no pairs, and files that are no counts.
    """

    series: int
    pairs: tuple[Pair, ...]
    counts: Mapping[str, int]
    waiting: int
    answered: int
    unreadable: int


def current(store: Store) -> Experiment | None:
    """Return the experiment that goes on, if any, whatever is in production.

    Raises:
        DamagedStore: it cannot be read.
    """
    content = raw(store)
    return Experiment.from_json(content, where=f"{store.url}/{paths.EXPERIMENT}") if content else None


def raw(store: Store) -> bytes:
    """Return the bytes that `current` reads; none if no experiment goes on."""
    try:
        return store.backend.read(paths.EXPERIMENT)
    except FileNotFoundError:
        return b""


def start(
    store: Store, registry: Registry, draft: Draft, experiment: Experiment, decision: Decision
) -> audit_log.Entry:
    """Begin an experiment in place of any other: the bundle, the entry of the history, then the terms that services
    follow.

    Raises:
        Superseded: another champion is in production than the one of the experiment; nothing was begun.
    """
    store.write(draft)
    store.backend.replace(paths.challenger(draft.manifest.version), draft.manifest.to_json())
    with registry.deciding():
        registry.require(experiment.against)
        store.write(draft)  # what nothing points to may be cleaned up until the lock is held
        store.backend.replace(paths.NEXT_EXPERIMENT, experiment.to_json())
        return registry.note(audit_log.EXPERIMENT_STARTED, decision, version=experiment.against)


@dataclass(frozen=True)
class Ended:
    """The end of an experiment: its entry in the history, and the experiment, None if its file was damaged.

    `earlier` says that the entry is of an earlier command, which was killed before it had done what it decided.
    """

    entry: audit_log.Entry
    experiment: Experiment | None
    earlier: bool = False


def stop(store: Store, registry: Registry, decision: Decision) -> Ended | None:
    """End the experiment that goes on when no other decision is under way; return None if there is none.

    A damaged one is ended, too.
    """
    with registry.deciding() as finished:
        try:
            experiment = current(store)
            goes_on = experiment is not None
        except DamagedStore:
            experiment, goes_on = None, True
        if not goes_on:
            if finished is None or finished.action != audit_log.EXPERIMENT_STOPPED:
                return None
            return Ended(finished, None, earlier=True)
        decision = replace(decision, candidate=experiment.candidate if experiment else None)
        entry = registry.note(audit_log.EXPERIMENT_STOPPED, decision, version=registry.standing().believed)
        return Ended(entry, experiment)


def put_pairs(store: Store, experiment: Experiment, name: str, pairs: Iterable[Pair]) -> None:
    """Put down pairs, whole, in place of what was put down before under this name."""
    content = "".join(pair.to_line() for pair in pairs).encode()
    store.backend.replace(f"{_folder(experiment)}/{paths.file_name(name + _PAIRS)}", content)


def put_counts(store: Store, experiment: Experiment, name: str, counts: Mapping[str, int]) -> None:
    """Put down what one worker has counted so far, in place of what was put down under this name."""
    content = json.dumps({key: counts.get(key, 0) for key in COUNTED}).encode()
    store.backend.replace(f"{_folder(experiment)}/{paths.file_name(name + _COUNTS)}", content)


def kept(store: Store, experiment: Experiment, name: str) -> int:
    """Return how many pairs were put down under names that begin so."""
    return sum(
        len(store.backend.read(file.path).splitlines())
        for file in store.backend.listed(_folder(experiment))
        if file.path.endswith(_PAIRS) and PurePosixPath(file.path).name.startswith(f"{name}-")
    )


def read(store: Store, candidate: str, against: str, *, series: int = 1) -> Paired:
    """Return what became of the patients of one series."""
    pairs: list[Pair] = []
    scored: Counter[str] = Counter()
    counted: dict[str, tuple[Mapping[str, int], float]] = {}
    unreadable = 0
    for file in store.backend.listed(paths.pairs(candidate, against, series)):
        path = PurePosixPath(file.path)
        if path.suffix not in (_COUNTS, _PAIRS):  # a worker is writing it
            continue
        worker = "-".join(path.stem.split("-")[:_PARTS_OF_WORKER])
        try:
            content = store.backend.read(file.path)
            if path.suffix == _COUNTS:
                counted[worker] = _counts(content), file.written
                continue
        except FileNotFoundError:  # cleaned up since it was listed
            continue
        except (Malformed, DamagedStore):
            unreadable += 1
            continue
        for line in content.splitlines():
            try:
                pairs.append(_pair(line))
                scored[worker] += 1
            except Malformed:
                unreadable += 1
    pairs.sort(key=lambda pair: (pair.at, pair.request, pair.row))
    totals = Counter({SCORED: len(pairs)})
    waiting = 0
    for worker, (counts, written) in counted.items():
        totals.update(counts)
        missing = max(0, counts[GIVEN] - counts[FAILED] - scored[worker])
        if time.time() - written > _SETTLED_SECONDS:
            totals[FAILED] += missing
        else:
            waiting += missing
    outcomes = {name: totals[name] for name in OUTCOMES}
    return Paired(series, tuple(pairs), outcomes, waiting, totals[ANSWERED], unreadable)


def read_all(store: Store, candidate: str, against: str) -> list[Paired]:
    """Return what became of the patients of each series that anything lies of, the last one first."""
    return [
        read(store, candidate, against, series=number) for number in sorted(_series(store, candidate, against))[::-1]
    ]


def next_series(store: Store, candidate: str, against: str, *, reset: bool) -> int:
    """Return the series of the next experiment: the last one, or with `reset` a new one."""
    return max(_series(store, candidate, against), default=1 - reset) + reset


def _series(store: Store, candidate: str, against: str) -> set[int]:
    folder = PurePosixPath(paths.pairs(candidate, against))
    parts = [PurePosixPath(file.path).relative_to(folder).parts for file in store.backend.listed(str(folder))]
    return {int(first) for first, *rest in parts if rest and first.isdecimal()}


def _folder(experiment: Experiment) -> str:
    return paths.pairs(experiment.candidate, experiment.against, experiment.series)


def _pair(line: bytes) -> Pair:
    pair = parsing.read(Pair, line)
    if not (0 <= pair.champion <= 1 and 0 <= pair.challenger <= 1 and pair.answered in (CHAMPION, CHALLENGER)):
        raise Malformed("it states no probability, or nobody who answered")
    return pair


def _counts(content: bytes) -> dict[str, int]:
    plain = parsing.decode(content)
    if not isinstance(plain, dict) or set(plain) != set(COUNTED):
        raise Malformed("it counts something else")
    if not all(type(count) is int and count >= 0 for count in plain.values()):
        raise Malformed("it counts by no number")
    return plain


def _digest(plain: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
