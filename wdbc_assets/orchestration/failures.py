"""How the failure of an asset is reported: what, where and a hint; never a patient's value."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg

from wdbc_assets import machine, safe_text, settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.presentation import privacy


@contextmanager
def as_dagster_failure(asset: str, refuse: Callable[[WdbcError], None]) -> Iterator[None]:
    """Turn what a step raises into what Dagster's history may keep; `refuse` notes a refusal first."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 -- each becomes what Dagster may keep of it
        found = machine.refusal(error)
        if found is None:
            raise privacy.redact_error(error, asset, shown=settings.load().show_values) from None
        refuse(found)
        raise dg.Failure(
            description=safe_text.redact(str(found)),
            metadata={name: safe_text.redact(getattr(found, name)) for name in ("what", "where", "hint")},
            allow_retries=False,
        ) from None
