"""Decisions about the champion in Dagster's history, which is a copy: the registry's audit log counts."""

import dagster as dg

from wdbc_assets.domain import formatting
from wdbc_assets.registry.audit_log import MOVES, Entry
from wdbc_assets.store.paths import CHAMPION
from wdbc_assets.store.store import Store


def report(instance: dg.DagsterInstance, store: Store, entry: Entry) -> None:
    """Record a decision: a materialization of the champion if it moved the pointer, else an observation."""
    text = f"{entry.action.capitalize()} by {entry.actor}: {entry.reason}"
    metadata: dict[str, str | float] = {
        "recipe": entry.recipe or "",
        f"{entry.action} by": entry.actor,
        "reason": entry.reason,
        "from": entry.before or "",
        "version": formatting.short(entry.after or ""),
        "dagster/uri": f"{store.url}/champion/versions/{entry.after}",
    }
    if entry.policy:
        metadata["policy"] = formatting.short(entry.policy.version)
        metadata["prevalence"] = entry.policy.prevalence
    event: dg.AssetMaterialization | dg.AssetObservation
    if entry.action in MOVES:
        version = {"dagster/data_version": entry.after or ""}
        event = dg.AssetMaterialization(CHAMPION, description=text, metadata=metadata, tags=version)
    else:
        event = dg.AssetObservation(CHAMPION, description=text, metadata=metadata)
    instance.report_runless_asset_event(event)
