"""The policy "refer everyone": whether every patient is referred to a person, whatever the champion says.

It is a decision about production, not a part of a bundle. Whether it is on follows from the audit log: it stays on
until a person switches it off, or until another model is promoted, which the gate has compared or a person has forced.
A rollback and another policy of the same model leave it on: nobody has shown that these predictions are right.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.registry import audit_log
from wdbc_assets.registry.audit_log import Entry, History
from wdbc_assets.registry.decision_log import Decision, DecisionLog
from wdbc_assets.registry.registry import Registry
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    from wdbc_assets.store.bundle_loader import Packed, Served

_ENDS = frozenset({audit_log.REFER_ALL_OFF, audit_log.PROMOTED})


@dataclass(frozen=True)
class Referral:
    """That every patient is referred: since when, by whom and why."""

    since: str
    actor: str
    reason: str

    def __str__(self) -> str:
        at = self.since[:19].replace("T", " ")
        return f"every patient is referred to a person since {at} UTC, by {self.actor}: {self.reason}"


def current(history: History) -> Referral | None:
    """Return the policy if it is on. An unfinished entry takes effect once the next decision has completed it."""
    return after([entry for entry in history.entries if entry.whole and entry != history.unfinished])


def after(entries: Sequence[Entry]) -> Referral | None:
    """Return the policy if it is on after these entries."""
    for entry in reversed(entries):
        if entry.action == audit_log.REFER_ALL_ON:
            return Referral(entry.at, entry.actor, entry.reason)
        if entry.action in _ENDS:
            return None
    return None


def ended(history: History) -> str | None:
    """Return what the promotion of another model ends: this policy, if it is on."""
    if (policy := current(history)) is None:
        return None
    return f"a promotion ends that {policy}; if it must go on, run `wdbc refer-all on --reason TEXT` again"


def of_store(store: Store) -> Referral | None:
    """Return the policy of a store if it is on."""
    return current(DecisionLog(store).history())


def open_champion(store: Store) -> "tuple[Served, Referral | None]":
    """Return the champion, ready to predict under this policy, and the policy if it is on.

    Raises:
        WdbcError: no champion has been promoted yet, or its bundle is damaged or rejected.
    """
    packed, referred = packed_champion(store)
    return packed.opened(), referred


def packed_champion(store: Store) -> "tuple[Packed, Referral | None]":
    """Return the champion's files, to be opened under this policy, and the policy if it is on.

    Raises:
        WdbcError: no champion has been promoted yet, or its bundle is damaged.
    """
    from wdbc_assets.store import bundle_loader

    referred = of_store(store)
    files = tuple(sorted(bundle_loader.champion_files(store).items()))
    return bundle_loader.Packed(files, refers_everyone=referred is not None), referred


def switch(registry: Registry, decision: Decision, *, on: bool, champion: str | None = None) -> Entry | None:
    """Switch the policy on or off; return None if it already is.

    Args:
        registry: The registry.
        decision: Who decides, and why.
        on: Whether every patient is referred from now on.
        champion: The version that the decision is about, if it is only about one.

    Raises:
        Superseded: another champion than `champion` is in production; nothing was switched.
        WdbcError: there is no champion.
    """
    with registry.deciding():
        if champion is not None:
            registry.require(champion)
        standing = registry.standing_under_lock()
        if standing.assumed_version is None:
            raise WdbcError(
                "no champion has been promoted yet, so nobody is scored",
                where="the registry",
                hint="Run `wdbc run` and `wdbc evaluate`, then `wdbc promote`.",
            )
        if (current(standing.history) is not None) == on:
            return None
        action = audit_log.REFER_ALL_ON if on else audit_log.REFER_ALL_OFF
        return registry.note(action, decision, version=standing.assumed_version)
