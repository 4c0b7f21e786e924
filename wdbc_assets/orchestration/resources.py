"""Dagster's resources: the store and the source. Each reads its settings when a run uses it, never at import."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from wdbc_assets import safe_text, settings, sources
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store.store import Store, open_store


class StoreResource(dg.ConfigurableResource[Any]):
    """The artifact store."""

    storage: str | None = None
    """Folder or URL; unset: WDBC_STORAGE, or results/ inside the project."""

    def open(self) -> Store:
        """Return the store."""
        location = self.storage or settings.load().storage
        if self.storage and safe_text.redact_url(self.storage) != self.storage and "://" in self.storage:
            raise _recorded("store", "WDBC_STORAGE")
        return open_store(location, relative_to=settings.project_root())


class SourceResource(dg.ConfigurableResource[Any]):
    """Where the raw bytes come from, and the only HTTP client."""

    def fetch(
        self,
        parameters: settings.SourceParameters,
        *,
        known: sources.Origin | None,
        report: Callable[[str], None],
    ) -> sources.Fetched | sources.NotModified:
        """Ask the source for its bytes, or for nothing if they are still the known ones.

        Raises:
            WdbcError: they cannot be had, or are refused.
        """
        return sources.fetch(
            sources.parse(parameters.source),
            known=known,
            sha256=parameters.source_sha256,
            limits=settings.load().limits(),
            report=report,
        )


def refuse_recorded_credentials(overrides: dict[str, Any]) -> None:
    """Refuse a source with credentials in a run's configuration, which Dagster records for everyone to read."""
    source = overrides.get("source")
    if source is not None and sources.parse(source).shown != source and "***" in sources.parse(source).shown:
        raise _recorded("source", "WDBC_SOURCE")


def _recorded(what: str, variable: str) -> WdbcError:
    return WdbcError(
        f"the address of a {what} with credentials may not stand in a run's configuration: Dagster records it",
        where=f"configuration of the {what}",
        hint=f"Set it as {variable} in the environment or .env instead.",
    )
