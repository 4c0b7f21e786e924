"""Live metrics with evidence for tests of the guard: two champions of any bytes, and what the outcomes say of them."""

import json

from wdbc_assets.domain.monitoring.rollback_evidence import RollbackEvidence
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store import parsing
from wdbc_assets.store.manifest import RecordedCheck
from wdbc_assets.store.store import Store
from wdbc_assets_tests.registry.promotions import promote

REACHED = 23.5


def replaced_champion(store: Store) -> tuple[str, str]:
    """Promote two champions, and return their versions, the earlier one first."""
    return str(promote(store, b"good").after), str(promote(store, b"bad").after)


def known(
    store: Store, champion: str, previous: str, *, evidence: float = REACHED, alarm: bool = False
) -> RollbackEvidence:
    """Store live metrics in which the outcomes say this of a champion."""
    found = RollbackEvidence(
        champion=champion,
        previous=previous,
        patients=130,
        evidence=evidence,
        threshold=20.0,
        since="2026-08-01T00:00:00+00:00",
        in_alarm=alarm,
    )
    commit(store, {"metrics": {}, "predictions": 300, "known": 130, "rollback": parsing.plain(found)}, alarm=alarm)
    return found


def commit(store: Store, document: dict[str, object], *, alarm: bool = False) -> None:
    """Store live metrics as they would be read back from their file."""
    check = RecordedCheck("agree", passed=not alarm, blocking=False, summary="z is 9", count=int(alarm))
    draft = store.draft("live_metrics", json.loads(json.dumps(document)), run_id="run-1", checks=[check])
    store.commit(draft, run_id="run-1")


def actions(store: Store) -> list[tuple[str, str]]:
    """Return who did what, oldest first."""
    return [(entry.actor, entry.action) for entry in open_registry(store).standing().history.entries]
