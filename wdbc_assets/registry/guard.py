"""Automatic action on the champion, by evidence from the outcomes: restore the model before it, or refer everyone.

The guard acts on the champion that the latest live metrics are about, and only while it is in production. It rolls back
once: a champion that it has restored or removed before is left to a person. Everything follows from the live metrics
and the audit log, so that a killed process changes nothing: the next one finds the same, or the decision made.
"""

from dataclasses import dataclass, replace
from typing import Literal

from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.monitoring.rollback_evidence import RollbackEvidence
from wdbc_assets.registry import audit_log, referral
from wdbc_assets.registry.audit_log import Entry
from wdbc_assets.registry.decision_log import Decision, Superseded
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.registry.standings import Standing
from wdbc_assets.store import parsing
from wdbc_assets.store.parsing import DamagedStore, Malformed
from wdbc_assets.store.store import Store

ACTOR = "guard"
"""Who decides, in the audit log."""

_LIVE = "live_metrics"

Wanted = Literal["nothing", "rollback", "refer everyone"]


@dataclass(frozen=True)
class Assessment:
    """What the evidence calls for.

    Attributes:
        wanted: What is to be done about the champion.
        evidence: The evidence of the latest live metrics; None without any.
        obstacle: Why the guard leaves a rollback to a person; empty if it does not.
        in_alarm: Whether the predictions of this champion do not agree with the outcomes.
    """

    wanted: Wanted
    evidence: RollbackEvidence | None = None
    obstacle: str = ""
    in_alarm: bool = False


@dataclass(frozen=True)
class Action:
    """What the guard did: the entry of its decision, or None and, if something was called for, why it did nothing."""

    entry: Entry | None = None
    reason: str = ""


def describe(evidence: RollbackEvidence) -> str:
    """Return the evidence for a rollback in words."""
    names = formatting.short(evidence.champion), formatting.short(evidence.previous)
    return f"{evidence}, rolled back at {evidence.threshold:g}: {names[0]} has a higher Brier score than {names[1]}"


def read_evidence(store: Store) -> RollbackEvidence | None:
    """Return the evidence of the current live metrics, None if there is none.

    Raises:
        DamagedStore: the live metrics are damaged.
    """
    manifest = store.current(_LIVE)
    if manifest is None:
        return None
    document = store.document(manifest, f"{_LIVE}.json")
    plain = document.get("rollback")
    try:
        return None if plain is None else parsing.build(RollbackEvidence, plain)
    except Malformed as error:
        raise DamagedStore(
            f"the live metrics are damaged: {error}", where=store.folder(manifest), hint="Run `wdbc live`."
        ) from None


def assess(store: Store, standing: Standing) -> Assessment:
    """Return what the evidence calls for, whether or not the guard is on.

    Raises:
        DamagedStore: the live metrics are damaged.
    """
    evidence = read_evidence(store)
    if evidence is None or evidence.champion != standing.version:
        return Assessment("nothing", evidence)
    manifest = store.current(_LIVE)
    in_alarm = evidence.in_alarm and manifest is not None and any(not check.passed for check in manifest.checks)
    if evidence.is_reached and evidence.previous:
        return Assessment("rollback", evidence, _obstacle(standing), in_alarm)
    return Assessment("refer everyone" if in_alarm else "nothing", evidence, in_alarm=in_alarm)


def _obstacle(standing: Standing) -> str:
    if standing.problems:
        return f"the state of production is uncertain: {standing.problems[0]}"
    if any(entry.actor == ACTOR and entry.action == audit_log.ROLLED_BACK for entry in _about(standing)):
        return "the guard has restored or removed this champion before"
    return ""


def _about(standing: Standing) -> list[Entry]:
    """Return the entries that are about the champion's model."""
    versions = standing.versions_of_model
    return [entry for entry in standing.history.entries if {entry.before, entry.after} & versions]


def act(store: Store) -> Action:
    """Do what the evidence calls for, at most once.

    Raises:
        WdbcError: the store cannot be read or written, or the champion to restore is missing or damaged.
    """
    registry = open_registry(store)
    standing = registry.standing()
    if standing.history.unfinished is not None:
        with registry.deciding() as finished:  # of a guard that was killed, for example
            pass
        if finished is not None and finished.actor == ACTOR:
            return Action(finished)
        standing = registry.standing()
    assessment = assess(store, standing)
    if assessment.evidence is None:
        return Action()
    try:
        if assessment.wanted == "rollback":
            return _rollback(store, standing, assessment, assessment.evidence)
        if assessment.wanted == "refer everyone":
            return _refer_everyone(store, standing, assessment.evidence)
    except Superseded as superseded:
        return Action(reason=superseded.what)
    return Action()


def _rollback(store: Store, standing: Standing, assessment: Assessment, evidence: RollbackEvidence) -> Action:
    """Restore the model before the champion. If that is left to a person and there is an alarm, refer everyone."""
    if assessment.obstacle:
        reason = f"the rollback is left to a person: {assessment.obstacle}"
        action = _refer_everyone(store, standing, evidence, reason) if assessment.in_alarm else Action()
        return replace(action, reason=reason)
    try:
        decision = Decision(actor=ACTOR, run_id=None, reason=describe(evidence))
        return Action(open_registry(store).rollback(evidence.previous, decision, instead_of=evidence.champion))
    except Superseded:
        raise
    except WdbcError as error:
        if not assessment.in_alarm:
            raise
        obstacle = f"the rollback is not possible: {error.what}"
        return replace(_refer_everyone(store, standing, evidence, obstacle), reason=error.what)


def _refer_everyone(store: Store, standing: Standing, evidence: RollbackEvidence, obstacle: str = "") -> Action:
    """Switch the policy on, unless the guard has done so for this champion before.

    `obstacle` says why there is no rollback although the evidence is enough for one; empty if it is not enough.
    """
    began = max((entry.number for entry in standing.history.moves if entry.after == standing.version), default=0)
    if any(
        entry.actor == ACTOR and entry.action == audit_log.REFER_ALL_ON and entry.number > began
        for entry in _about(standing)
    ):
        return Action()
    reason = f"the predictions do not agree with the outcomes, and {_why_no_rollback(evidence, obstacle)}"
    decision = Decision(actor=ACTOR, run_id=None, reason=reason)
    entry = referral.switch(open_registry(store), decision, on=True, champion=evidence.champion)
    return Action(entry)


def _why_no_rollback(evidence: RollbackEvidence, obstacle: str) -> str:
    if not evidence.previous:
        return "there is no model before it"
    if obstacle:
        return f"{evidence} is enough for a rollback, which needs {evidence.threshold:g}; {obstacle}"
    return f"{evidence}; a rollback needs {evidence.threshold:g}"
