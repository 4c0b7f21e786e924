"""The end of a retraining: its result is recorded in the audit log, and a refit that is better may be promoted.

Recording is part of making the comparison, so that a run that was killed in between records it when it runs again. A
comparison that is recorded already, with the same evidence, is no second retraining.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from wdbc_assets.domain import formatting
from wdbc_assets.orchestration.materialize import MaterializeStep
from wdbc_assets.registry import retraining
from wdbc_assets.registry.audit_log import Entry
from wdbc_assets.registry.registry import Registry, open_registry

REASON_TAG = "wdbc/retrained_because"
"""Tag of a run of `retrain`: why it was started."""

_BY_HAND = "started in Dagster"


class RetrainStep(MaterializeStep):
    """One execution of the comparison of a refit with the champion."""

    def materialize(self) -> Iterator[Any]:
        """Yield the comparison and its checks, then record it."""
        yield from super().materialize()
        self._record()

    def _record(self) -> None:
        run_id = self.context.run.run_id
        made = retraining.gather(self.store, run_id=run_id)
        registry = open_registry(self.store)
        why = self.context.run.tags.get(REASON_TAG, _BY_HAND)
        entry = retraining.record(registry, made, run_id=run_id, why=why)
        if entry is None:
            self.note("this comparison is recorded already: %s", made.verdict)
        else:
            self.note("compared with the champion: %s; %s", made.verdict, made.comparison.verdict.reason)
        if self.config.auto_promote == "evidence" and made.verdict == "better":
            self._promote(registry, made, why)

    def _promote(self, registry: Registry, made: retraining.ComparedRefit, why: str) -> None:
        """Promote the refit, unless it is in production already, or was before."""
        if retraining.was_promoted(registry.standing().history.entries, made.comparison.refit):
            self.note("the refit is not promoted again: it was in production before")
            return
        reason = f"{made.comparison.verdict.reason}; retrained because of: {why}"
        entry = retraining.promote(
            registry, made, actor=retraining.ACTOR, run_id=self.context.run.run_id, reason=reason
        )
        self.context.log_event(_event(entry))
        self.note("promoted: %s %s is in production", entry.recipe, formatting.short(entry.after))


def _event(entry: Entry) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        "champion",
        description=f"Promoted by {entry.actor}: {entry.reason}",
        metadata={"recipe": entry.recipe or "", "promoted by": entry.actor, "evidence": entry.evidence or ""},
        tags={"dagster/data_version": entry.after or ""},
    )
