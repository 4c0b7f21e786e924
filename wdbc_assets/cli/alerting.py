"""What commands do at their end to alert a person, also if they failed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from wdbc_assets import settings
from wdbc_assets.cli import terminal
from wdbc_assets.store.store import Store


@contextmanager
def alerting(store: Store, config: settings.Settings) -> Iterator[None]:
    """Look for problems after the block, also if it failed, and send alerts for at most a moment.

    Without a channel of alerts, nothing that this needs is imported.
    """
    try:
        yield
    finally:
        if config.alerts:
            _send(store, config)


def _send(store: Store, config: settings.Settings) -> None:
    from wdbc_assets.orchestration import alerting as looks
    from wdbc_assets.orchestration.instance import open_instance

    # What Dagster's history shows is known to change by a run of Dagster only; importing it takes too long otherwise.
    open_history = open_instance if "dagster" in sys.modules else None
    if problem := looks.after_run(store, config, open_history):
        terminal.say(f"  {problem.what} ({problem.where}); {problem.hint}", err=True)
