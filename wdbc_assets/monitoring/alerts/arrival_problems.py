"""Problems of what comes in from outside: files that the inbox refused, and a champion that the service refuses."""

from collections.abc import Iterator
from datetime import UTC, datetime

from wdbc_assets import safe_text, settings
from wdbc_assets.monitoring.alerts.causes import Occurrence
from wdbc_assets.monitoring.inbox import REASON, REFUSED, open_inbox
from wdbc_assets.pipeline import served_files
from wdbc_assets.store.paths import CHAMPION

_INBOX = "the inbox"


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


def refused_champion() -> Iterator[Occurrence]:
    """Yield each version that a worker of the service refuses now; the one before stays in service."""
    refused = {one.version: one for one in served_files.open_files().refused_champions(datetime.now(UTC))}
    for version, one in refused.items():
        text = f"the service rejects a new champion ({version}): {one.reason}"
        yield Occurrence(cause="refused-champion", subject=CHAMPION, text=text, version=version)
