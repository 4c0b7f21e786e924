"""Which batches there are: stored, waiting in the inbox, and begun but not finished."""

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring.inbox import Arrivals, Inbox
from wdbc_assets.pipeline import pseudonym_key, specs, staleness
from wdbc_assets.store.paths import CHAMPION
from wdbc_assets.store.store import Store

FIRST, LAST = specs.JOBS["monitor"][0], specs.JOBS["monitor"][-1]


class StoreAway(WdbcError):
    """The store was moved or emptied."""


def stored(store: Store) -> list[str]:
    """Return the keys of the batches whose patients are, or were, stored, in order of arrival."""
    return sorted({*store.partitions(FIRST), *store.removed_partitions(FIRST)})


def arrivals(store: Store, inbox: Inbox) -> Arrivals:
    """Claim what waits in the inbox; add the batches that a killed or failed run has begun but not finished.

    Raises:
        StoreAway: the store was moved or emptied.
        WdbcError: the inbox cannot be read or written.
    """
    require_store(store, inbox)
    keys = stored(store)
    found = inbox.survey(keys)
    removed = {key for asset in specs.JOBS["monitor"] for key in store.removed_partitions(asset)}
    found.batches = sorted({*found.batches, *keys} - removed - set(store.partitions(LAST)))
    return found


def require_store(store: Store, inbox: Inbox) -> None:
    """Raise `StoreAway` if the store cannot be the one that the batches of the inbox were stored in.

    Otherwise a new store would be begun in its place, and what is delivered meanwhile would be missing once it is back.
    """
    if store.current(CHAMPION) is not None:
        return
    taken = inbox.taken()
    if taken and not taken & set(stored(store)):
        raise StoreAway(
            f"the store has no champion and none of the {len(taken)} batches taken up: it was moved or emptied",
            where=store.url,
            hint="Nothing is taken up until the store is back in its place, or WDBC_STORAGE names another place. If it"
            " was emptied on purpose, move the inbox's folder `taken` aside.",
        )


def other_key(store: Store, inbox: Inbox) -> str | None:
    """Return a message if the latest batch has pseudonyms of another key: a rotated one, or that of another home."""
    latest = store.partitions(FIRST)[-1:]
    manifest = store.current(FIRST, latest[0]) if latest else None
    stated, key = ((manifest and manifest.origin) or {}).get("pseudonym_key"), inbox.present_key()
    if stated is None or (key is not None and pseudonym_key.fingerprint(key) == stated):
        return None
    missing = "" if key else ", which does not exist"
    return f"the latest batch has pseudonyms of another key than that in {inbox.key_file}{missing}"


def missing_input(store: Store) -> WdbcError | None:
    """Return why no batch can be scored or compared now: an asset that they need was never made, or is damaged."""
    return staleness.missing_input(store, specs.JOBS["monitor"])
