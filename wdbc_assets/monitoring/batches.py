"""Which batches there are: stored, waiting in the inbox, and begun but not finished."""

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring.inbox import Arrivals, Inbox
from wdbc_assets.pipeline import specs, staleness
from wdbc_assets.store.store import NeverMade, Store

FIRST, LAST = specs.JOBS["monitor"][0], specs.JOBS["monitor"][-1]


def stored(store: Store) -> list[str]:
    """Return the keys of the batches whose patients are, or were, stored, in order of arrival."""
    return sorted({*store.partitions(FIRST), *store.removed_partitions(FIRST)})


def arrivals(store: Store, inbox: Inbox) -> Arrivals:
    """Claim what waits in the inbox; add the batches that a killed or failed run has begun but not finished."""
    keys = stored(store)
    found = inbox.survey(keys)
    removed = {key for asset in specs.JOBS["monitor"] for key in store.removed_partitions(asset)}
    found.batches = sorted({*found.batches, *keys} - removed - set(store.partitions(LAST)))
    return found


def missing_input(store: Store) -> WdbcError | None:
    """Return why no batch can be scored or compared yet: an asset that they need has never been made."""
    for asset in specs.JOBS["monitor"]:
        for name in specs.ASSETS[asset].inputs:
            if not specs.ASSETS[name].partitioned:
                try:
                    staleness.require_made(store, name)
                except NeverMade as error:
                    return error
    return None
