"""Dagster resources: the store, the source and the inbox. They read settings when a run uses them, never at import."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from wdbc_assets import safe_text, settings, sources
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring.inbox import Inbox, open_inbox
from wdbc_assets.store.store import Store


class StoreResource(dg.ConfigurableResource[Any]):
    """The artifact store."""

    storage: str | None = None
    """Folder or URL of the store. Default: the setting WDBC_STORAGE, or results/ in the project."""

    def open(self) -> Store:
        """Return the store.

        Raises:
            WdbcError: The address contains credentials.
        """
        if self.storage and safe_text.redact_url(self.storage) != self.storage and "://" in self.storage:
            raise _recorded("store", "WDBC_STORAGE")
        return settings.load().open_store(self.storage)


class SourceResource(dg.ConfigurableResource[Any]):
    """The source of the raw data."""

    def fetch(
        self,
        parameters: settings.SourceParameters,
        *,
        known: sources.Origin | None,
        stored: Callable[[], sources.Snapshot | None],
        report: Callable[[str], None],
    ) -> sources.Snapshot | None:
        """Fetch the source, or return None if its server reports that it holds the known content.

        Raises:
            WdbcError: The source cannot be read, or its content is refused.
        """
        return sources.parse(parameters.source).fetch(
            known=known,
            stored=stored,
            sha256=parameters.source_sha256,
            limits=settings.load().limits(),
            report=report,
        )


class InboxResource(dg.ConfigurableResource[Any]):
    """The inbox, and the key of the pseudonyms."""

    def open(self) -> Inbox:
        """Return the configured inbox.

        Raises:
            WdbcError: A setting can be no path.
        """
        return open_inbox(settings.load())


def refuse_recorded_credentials(overrides: dict[str, Any]) -> None:
    """Raise WdbcError if a run's configuration has a source with credentials, because Dagster records and shows it."""
    source = overrides.get("source")
    if source is not None and sources.parse(source).shown != source and "***" in sources.parse(source).shown:
        raise _recorded("source", "WDBC_SOURCE")


def _recorded(what: str, variable: str) -> WdbcError:
    return WdbcError(
        f"an address with credentials is not allowed in the configuration of the {what}: Dagster records it",
        where=f"configuration of the {what}",
        hint=f"Set it as {variable} in the environment or .env instead.",
    )
