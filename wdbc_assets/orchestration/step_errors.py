"""Reporting of failed assets to Dagster: what, where and a hint, but never a patient's value."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg

from wdbc_assets import machine, safe_text, settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.presentation import privacy


@contextmanager
def as_dagster_failure(asset: str, refuse: Callable[[WdbcError], None]) -> Iterator[None]:
    """Convert an exception of a step into one that Dagster's history may keep; call `refuse` first for a WdbcError."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 -- every error is converted
        refusal = machine.refusal(error)
        if refusal is None:
            raise privacy.redact_error(error, asset, shown=settings.load().show_values) from None
        refuse(refusal)
        raise dg.Failure(
            description=safe_text.redact(str(refusal)),
            metadata={name: safe_text.redact(getattr(refusal, name)) for name in ("what", "where", "hint")},
            allow_retries=False,
        ) from None
