"""The policy "refer everyone" in the service: read again when the audit log has changed."""

from typing import TYPE_CHECKING

from wdbc_assets.registry import referral
from wdbc_assets.registry.decision_log import DecisionLog
from wdbc_assets.registry.referral import Referral
from wdbc_assets.store import paths
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    from wdbc_assets.registry.audit_log import Content


class ReferralWatch:
    """The policy by the last audit log that could be read. It is switched off by an intact log only."""

    def __init__(self, store: Store) -> None:
        self._log = DecisionLog(store)
        self._head: Content | None = None
        self._current: Referral | None = None

    def read(self) -> Referral | None:
        """Return the policy if it is on."""
        head = self._log.content(paths.HISTORY_HEAD)
        if head == self._head:
            return self._current
        history = self._log.history()
        policy = referral.current(history)
        if policy is not None or (history.entries and not history.problems):  # a history never becomes empty
            self._current = policy
        self._head = head
        return self._current
