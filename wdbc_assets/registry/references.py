"""The reference of the drift report: which patients a batch is compared with, and how a person accepts others.

    champion/references/<digest>.parquet    the patients of a rebased reference: measurements and class weights

A rebase is an entry of the audit log. It applies to the batches that arrive after it, so that a report that is made
again is compared with the same patients as before. The table holds the patients by themselves: it outlives the batches
that they are from. It has no pseudonyms and no predictions; the champion of each batch computes the log-odds again.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import staleness
from wdbc_assets.registry import audit_log
from wdbc_assets.registry.audit_log import Entry, ReferencePatients
from wdbc_assets.registry.decision_log import Decision
from wdbc_assets.registry.registry import Registry, open_registry
from wdbc_assets.store import paths
from wdbc_assets.store.backends import CannotRead
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain.monitoring.rebased import RebasedReference

USUAL_PATIENTS = 300
"""Without an alarm, a reference of fewer patients has to be asked for by the number of its batches."""

MOST_PATIENTS = 10_000
"""More patients make a report slower and hardly more precise. A sample of this size is kept of them."""

WEIGHT = "malignant"
"""The column of the table with the diagnosis, or its probability where it was unknown."""

_SAMPLE_SEED = 42
_HINT = "Undo it with `wdbc monitor rebase --to-development --reason TEXT`, or rebase again on later batches."


@dataclass(frozen=True, eq=False)
class Proposed:
    """A reference that was composed from stored batches and not yet decided.

    Attributes:
        patients: What the audit log states about it.
        content: The table as Parquet; empty for the patients of development.
        known: The number of patients whose diagnosis is known.
        before_alarm: The number of patients in its batches before the window in alarm. If they are from before the
            shift, the reference is a mixture, and the accepted shift may alarm again.
    """

    patients: ReferencePatients
    content: bytes = b""
    known: int = 0
    before_alarm: int = 0


def compose(store: Store, batches: int | None) -> Proposed:
    """Return a reference of the patients of the last batches.

    Args:
        store: The store.
        batches: The number of batches; None for the window in alarm, and as many more as a reference needs. If there
            is no alarm, None is for as many as have `USUAL_PATIENTS`.

    Raises:
        WdbcError: there are too few batches or patients.
        DamagedStore: a stored batch, its predictions or the outcomes are missing or damaged.
    """
    from wdbc_assets.domain.data import contract
    from wdbc_assets.domain.monitoring import references
    from wdbc_assets.store import codecs

    window = _window(store)
    by_batch = _last_batches(store, batches, window)
    table, known = _weighted(store, list(by_batch.values()))
    references.build(table[list(contract.FEATURES)], table["log_odds"], table[WEIGHT])  # refused here, not in a report
    content = codecs.to_parquet(table[[*contract.FEATURES, WEIGHT]])
    names = tuple(by_batch)
    return Proposed(
        ReferencePatients(names[-1], names, len(table), hashlib.sha256(content).hexdigest()),
        content,
        known,
        sum(len(by_batch[name]) for name in names[:-window]) if window else 0,
    )


def _last_batches(store: Store, batches: int | None, window: int) -> "dict[str, pd.DataFrame]":
    """Return the patients of the last batches by batch, oldest first.

    The batches before the window in alarm are from before the shift that is accepted, so they are taken only if the
    window has too few patients for any reference.

    Args:
        store: The store.
        batches: As in `compose`.
        window: The number of batches in alarm, 0 without an alarm.
    """
    from wdbc_assets.domain.monitoring import references

    reported = store.partitions("drift_report")
    if not reported or (batches or 0) > len(reported):
        raise _too_few(store, "batches", f"the number of batches with a drift report is {len(reported)}")
    least = batches or window or 1
    needed = 0 if batches else references.LEAST_PATIENTS if window else USUAL_PATIENTS
    taken: dict[str, pd.DataFrame] = {}
    patients = 0
    for name in reversed(reported):
        if len(taken) >= least and patients >= needed:
            break
        taken[name] = _patients(store, name)
        patients += len(taken[name])
    if patients < needed:
        raise _too_few(store, "patients", f"all batches together have {patients}, fewer than {needed}")
    return dict(reversed(taken.items()))


def of_development(store: Store) -> Proposed:
    """Return the proposal to compare later batches with the patients of development again."""
    reported = store.partitions("drift_report")
    return Proposed(ReferencePatients(reported[-1] if reported else ""))


def decide(store: Store, registry: Registry, proposed: Proposed, *, actor: str, reason: str) -> Entry:
    """Record that later batches are compared with other patients.

    Raises:
        WdbcError: they are compared with these patients already.
    """
    patients = proposed.patients
    if patients.table:
        store.backend.replace(paths.reference(patients.table), proposed.content)
    with registry.deciding():
        standing = registry.standing_under_lock()
        last = _last(standing.history.entries)
        if (last.reference.table if last and last.reference else "") == patients.table:
            whom = f"entry {last.number} of the history" if last and patients.table else "the patients of development"
            raise WdbcError(
                f"batches are compared with these patients already: {whom}",
                where=store.url,
                hint="Nothing was changed. Rebase again once there are other batches.",
            )
        decision = Decision(actor=actor, run_id=None, reason=reason, reference=patients)
        return registry.note(audit_log.REBASED, decision, version=standing.assumed_version)


def of_batch(store: Store, batch: str | None) -> Entry | None:
    """Return the rebase that applies to a batch, or to the next one if it is None; None for those of development.

    Raises:
        DamagedStore: its entry in the audit log was altered.
    """
    entry = _last(
        entry
        for entry in open_registry(store).standing().history.entries
        if entry.reference is not None and (batch is None or entry.reference.after < batch)
    )
    if entry is None or entry.reference is None:
        return None
    if not entry.whole:
        raise DamagedStore(
            f"entry {entry.number} of the history, a rebase, was altered: the reference is unknown",
            where=f"{store.url}/{paths.HISTORY}",
            hint=_HINT,
        )
    return entry if entry.reference.table else None


def load(store: Store, entry: Entry, champion: str) -> "RebasedReference":
    """Return the patients of a rebase, with the log-odds by a version of the champion.

    Raises:
        DamagedStore: the table, or the champion, is missing or damaged.
    """
    from wdbc_assets.domain.data import contract
    from wdbc_assets.domain.evaluation import log_odds
    from wdbc_assets.domain.monitoring.rebased import Rebase, RebasedReference
    from wdbc_assets.store import bundle_loader, codecs

    table = codecs.from_parquet(_content(store, entry))
    manifest = store.current(paths.CHAMPION)
    if manifest is None or manifest.version != champion:
        manifest = open_registry(store).promoted(champion)
    if manifest is None:
        raise DamagedStore(
            "the champion that scored the batch is no longer stored", where=store.url, hint="Restore it from a backup."
        )
    served = bundle_loader.open_bundle(bundle_loader.read(store, manifest))
    X = table[list(contract.FEATURES)].to_numpy(dtype=float)
    return RebasedReference(
        Rebase(entry.at, entry.number, entry.reference.batches if entry.reference else ()),
        X,
        log_odds.of_probabilities(served.probabilities(X)),
        table[WEIGHT].to_numpy(dtype=float),
    )


def _last(entries: Iterable[Entry]) -> Entry | None:
    return max((entry for entry in entries if entry.reference), key=lambda entry: entry.number, default=None)


def _content(store: Store, entry: Entry) -> bytes:
    digest = entry.reference.table if entry.reference else ""
    path = paths.reference(digest)
    try:
        content = store.backend.read(path)
    except (FileNotFoundError, CannotRead):
        content = b""
    if hashlib.sha256(content).hexdigest() != digest:
        raise DamagedStore(
            f"the patients of the rebased reference (entry {entry.number} of the history) are missing or were altered",
            where=f"{store.url}/{path}",
            hint=_HINT,
        )
    return content


def _window(store: Store) -> int:
    """Return the number of batches in the window of the last report's largest alarm; 0 without an alarm."""
    reported = store.partitions("drift_report")
    if not reported:
        return 0
    report = store.handle("drift_report", partition=reported[-1]).load()
    return report.alarms[0].window if report.alarms else 0


def _patients(store: Store, batch: str) -> "pd.DataFrame":
    """Return the patients of a batch with their predictions."""
    for asset in ("incoming_batch", "predictions"):
        staleness.require_made(store, asset, batch)
    table: pd.DataFrame = store.handle("incoming_batch", partition=batch).load().table
    predictions: pd.DataFrame = store.handle("predictions", partition=batch).load().patients.frame()
    if not table["id"].equals(predictions["id"]):
        raise DamagedStore(
            f"the predictions of batch {batch} are not those of its patients",
            where=store.url,
            hint="Run `wdbc verify`, and restore the batch from a backup.",
        )
    return table.assign(log_odds=predictions["log_odds"], **{WEIGHT: predictions["probability"]})


def _weighted(store: Store, tables: "list[pd.DataFrame]") -> "tuple[pd.DataFrame, int]":
    """Return all patients, at most `MOST_PATIENTS`, with the diagnosis where it is known, and how many are known."""
    import numpy as np
    import pandas as pd

    from wdbc_assets.domain.monitoring import live

    table = pd.concat(tables, ignore_index=True)
    if len(table) > MOST_PATIENTS:
        drawn = np.random.default_rng(_SAMPLE_SEED).choice(len(table), MOST_PATIENTS, replace=False)
        table = table.iloc[np.sort(drawn)].reset_index(drop=True)
    if store.current("outcomes") is None:
        return table, 0
    diagnoses = live.current_diagnoses(store.handle("outcomes").load()).table.set_index("id")["diagnosis"]
    known = table["id"].map(diagnoses)
    return table.assign(**{WEIGHT: known.fillna(table[WEIGHT])}), int(known.notna().sum())


def _too_few(store: Store, what: str, reason: str) -> WdbcError:
    return WdbcError(
        f"there are too few {what} for a reference: {reason}",
        where=store.url,
        hint="Nothing was changed. Wait for more batches, or state how many to take with `--batches N`.",
    )
