"""Problems of what comes in: refused files, rows that are set aside, and a champion that the service refuses."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from wdbc_assets import clock, safe_text, settings
from wdbc_assets.domain import formatting
from wdbc_assets.domain.data import incoming
from wdbc_assets.monitoring.alerts.causes import Occurrence
from wdbc_assets.monitoring.inbox import REASON, REFUSED, open_inbox
from wdbc_assets.pipeline import served_files
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.paths import CHAMPION
from wdbc_assets.store.store import Store

_INBOX = "the inbox"
_BATCH = "incoming_batch"
_SHOWN_FOR = timedelta(days=1)
"""How long rows that were set aside are reported although later batches are whole: who looks less often sees them."""


def refused_files(config: settings.Settings) -> Iterator[Occurrence]:
    """Yield the folder of refused files unless it is empty. A file's name may be a patient's, so none is shown."""
    notes = sorted((path.stat().st_mtime, path) for path in (open_inbox(config).folder / REFUSED).glob(f"*{REASON}"))
    if not notes:
        return
    reason = notes[-1][1].read_text(encoding="utf-8", errors="replace").partition("\n")[0]
    count = "1 file was" if len(notes) == 1 else f"{len(notes)} files were"
    yield Occurrence(
        cause="refused-files",
        subject=_INBOX,
        text=f"{count} refused; the last one: {safe_text.one_line(safe_text.redact(reason))}",
        since=datetime.fromtimestamp(notes[0][0], UTC),
    )


def set_aside_rows(store: Store) -> Iterator[Occurrence]:
    """Yield that the latest batch, or others that arrived within a day, have rows that are set aside."""
    keys = store.partitions(_BATCH)
    since = clock.now() - _SHOWN_FOR
    recent = [key for key in keys if key == keys[-1] or _arrived(key) >= since]
    manifests = [manifest for key in recent if (manifest := store.current(_BATCH, key)) and _failed(manifest)]
    if not manifests:
        return
    first, last = manifests[0], manifests[-1]
    rows = {one.version: store.document(one, "rows.json") for one in manifests}
    of_last = rows[last.version]
    others = sum(one["set_aside"] for one in rows.values()) - of_last["set_aside"]
    batches = formatting.counted(len(manifests) - 1, "batch", "batches")
    more = f"; {others:,} more in {batches} within a day" if others else ""
    yield Occurrence(
        cause="set-aside-rows",
        subject=_BATCH,
        text=f"{of_last['set_aside']:,} of {of_last['rows']:,} rows of batch {last.partition} were set aside, by"
        f" {', '.join(_failed(last))}{more}",
        version=first.version,
        since=clock.time_of(first.made_at),
    )


def _arrived(key: str) -> datetime:
    try:
        return incoming.arrival(key)
    except ValueError:  # no key of a batch
        return datetime.min.replace(tzinfo=UTC)


def _failed(manifest: Manifest) -> list[str]:
    return [check.rule for check in manifest.checks if not check.passed]


def refused_champion() -> Iterator[Occurrence]:
    """Yield each version that a worker of the service refuses now; the one before stays in service."""
    refused = {one.version: one for one in served_files.open_files().refused_champions(datetime.now(UTC))}
    for version, one in refused.items():
        text = f"the service rejects a new champion ({version}): {one.reason}"
        yield Occurrence(cause="refused-champion", subject=CHAMPION, text=text, version=version)
