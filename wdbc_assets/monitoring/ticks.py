"""The sensors and schedules that are turned on, their last ticks, and the cursor of the sensor that checks the source.

What a tick did, and what follows from it, is elsewhere: in the sensors, in the alerts and in the exporter.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import dagster as dg

FAILED_CHECKS = 3
"""Number of consecutive failed checks of the source after which a tick fails."""

_NAME = "failed_looks"


def turned_on(instance: "dg.DagsterInstance") -> Iterator[tuple[Any, Any]]:
    """Yield each sensor and schedule that is turned on (an InstigatorState), and its last InstigatorTick or None.

    Dagster has no public name for these types.
    """
    for state in instance.all_instigator_state():
        if state.is_running:
            ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
            yield state, ticks[0] if ticks else None


def source_cursor(*, failed_checks: int) -> str:
    """Return the cursor after so many consecutive failed checks of the source."""
    return json.dumps({_NAME: failed_checks})


def failed_checks(cursor: str | None) -> int:
    """Return the number of failed checks in a cursor; 0 if the cursor is damaged or of an earlier release."""
    try:
        content = json.loads(cursor or "{}")
    except (ValueError, RecursionError):
        return 0
    count = content.get(_NAME) if isinstance(content, dict) else None
    return count if type(count) is int and 0 <= count < FAILED_CHECKS else 0


def has_checked_the_source(cursor: str | None) -> bool:
    """Return whether a cursor says that the last check of the source succeeded. No other cursor does."""
    return cursor == source_cursor(failed_checks=0)
