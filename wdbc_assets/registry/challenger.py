"""A challenger in an experiment: its manifest and share of requests, and its scores paired with the champion's.

    champion/experiment.json                         the experiment: the challenger's manifest, and its terms
    champion/experiment.next.json                    the same for the last one started, for an unfinished entry
    champion/challengers/<digest>.json               the manifest of each bundle that ever was a challenger
    champion/pairs/<candidate>/<champion>/<series>/  the outcome of each patient:
        <worker>-<process>-<part>.jsonl              pairs: both scores of the same patient, one patient per line
        <worker>.json                                counts of one worker: patients given to it, and those without a
        pair

A patient counts as scored only if the pair is stored. Experiments of a candidate beside the same champion share a
series until one of them starts the next.

An experiment is against one champion. Once another champion is in production, the experiment is over, whatever the file
says. In the path of the pairs, `<candidate>` is the version of fitted_pipeline, because the gate compares that. A pair
contains no measurements: request id and row number are enough to join a later diagnosis.
"""

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import PurePosixPath

from wdbc_assets.registry import audit_log
from wdbc_assets.registry.decision_log import Decision
from wdbc_assets.registry.experiment import Experiment
from wdbc_assets.registry.registry import Registry
from wdbc_assets.store import parsing, paths
from wdbc_assets.store.parsing import DamagedStore, Malformed
from wdbc_assets.store.store import Draft, Store

CHAMPION, CHALLENGER = "champion", "challenger"
"""The variant that served a request."""

OUTCOMES = SCORED, FAILED, DROPPED = "scored", "failed", "dropped"
"""The outcome of a patient: paired, failed, or not given to the challenger (no time, enough pairs)."""

GIVEN, ANSWERED = "given", "answered"
COUNTED = (GIVEN, FAILED, DROPPED, ANSWERED)
"""What a worker counts: `given` to the challenger for pairing, and `answered` by the challenger itself."""

_COUNTS, _PAIRS = ".json", ".jsonl"
_PARTS_OF_WORKER = 2  # components of its name, separated by `-`: a time, and random digits

_SETTLED_SECONDS = 60.0
"""A live worker writes pairs and counts every few seconds: what is missing after this time is lost."""


@dataclass(frozen=True)
class Pair:
    """Both scores of one patient, P(malignant), and the variant that served the request."""

    at: str
    request: str
    row: int
    champion: float
    challenger: float
    answered: str

    def to_line(self) -> str:
        """Return the pair as a line of JSON."""
        return json.dumps(asdict(self)) + "\n"


@dataclass(frozen=True)
class Paired:
    """The stored pairs and counts of one series.

    `counts` has the outcomes of the patients; `waiting` is the number without an outcome yet; `answered` the number
    that the challenger answered itself; `unreadable` the number of invalid lines and count files.
    """

    series: int
    pairs: tuple[Pair, ...]
    counts: Mapping[str, int]
    waiting: int
    answered: int
    unreadable: int


def current(store: Store) -> Experiment | None:
    """Return the current experiment, if any, whatever is in production.

    Raises:
        DamagedStore: it cannot be read.
    """
    content = raw(store)
    return Experiment.from_json(content, where=f"{store.url}/{paths.EXPERIMENT}") if content else None


def raw(store: Store) -> bytes:
    """Return the bytes that `current` reads; empty without an experiment."""
    try:
        return store.backend.read(paths.EXPERIMENT)
    except FileNotFoundError:
        return b""


def start(
    store: Store, registry: Registry, draft: Draft, experiment: Experiment, decision: Decision
) -> audit_log.Entry:
    """Start an experiment in place of any other: write the bundle, the log entry, then the terms that services follow.

    Raises:
        Superseded: another champion than the experiment's is in production; nothing was started.
    """
    store.write(draft)
    store.backend.replace(paths.challenger(draft.manifest.version), draft.manifest.to_json())
    with registry.deciding():
        registry.require(experiment.against)
        store.write(draft)  # before the lock is held, garbage collection may remove it
        store.backend.replace(paths.NEXT_EXPERIMENT, experiment.to_json())
        return registry.note(audit_log.EXPERIMENT_STARTED, decision, version=experiment.against)


@dataclass(frozen=True)
class Ended:
    """The end of an experiment: its log entry, and the experiment, or None if its file was damaged.

    `earlier` tells that the entry belongs to an earlier command that was killed before it completed the decision.
    """

    entry: audit_log.Entry
    experiment: Experiment | None
    earlier: bool = False


def stop(store: Store, registry: Registry, decision: Decision) -> Ended | None:
    """End the current experiment once no other decision is in progress; return None if there is none.

    A damaged experiment is ended, too.
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
        entry = registry.note(audit_log.EXPERIMENT_STOPPED, decision, version=registry.standing().assumed_version)
        return Ended(entry, experiment)


def put_pairs(store: Store, experiment: Experiment, name: str, pairs: Iterable[Pair]) -> None:
    """Write a whole file of pairs, in place of an earlier one with this name."""
    content = "".join(pair.to_line() for pair in pairs).encode()
    store.backend.replace(f"{_folder(experiment)}/{paths.file_name(name + _PAIRS)}", content)


def put_counts(store: Store, experiment: Experiment, name: str, counts: Mapping[str, int]) -> None:
    """Write the counts of one worker, in place of its earlier counts."""
    content = json.dumps({key: counts.get(key, 0) for key in COUNTED}).encode()
    store.backend.replace(f"{_folder(experiment)}/{paths.file_name(name + _COUNTS)}", content)


def kept(store: Store, experiment: Experiment, name: str) -> int:
    """Return the number of stored pairs in files whose name starts with `name`."""
    return sum(
        len(store.backend.read(file.path).splitlines())
        for file in store.backend.listed(_folder(experiment))
        if file.path.endswith(_PAIRS) and PurePosixPath(file.path).name.startswith(f"{name}-")
    )


def read(store: Store, candidate: str, against: str, *, series: int = 1) -> Paired:
    """Return the outcome of the patients of one series."""
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
        except FileNotFoundError:  # removed since it was listed
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
    """Return the outcome of the patients of each stored series, the newest first."""
    return [
        read(store, candidate, against, series=number) for number in sorted(_series(store, candidate, against))[::-1]
    ]


def next_series(store: Store, candidate: str, against: str, *, reset: bool) -> int:
    """Return the series of the next experiment: the last one, or a new one with `reset`."""
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
        raise Malformed("it has an invalid probability or variant")
    return pair


def _counts(content: bytes) -> dict[str, int]:
    plain = parsing.decode(content)
    if not isinstance(plain, dict) or set(plain) != set(COUNTED):
        raise Malformed("it has other counts")
    if not all(type(count) is int and count >= 0 for count in plain.values()):
        raise Malformed("it has an invalid count")
    return plain
