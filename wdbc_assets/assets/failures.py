"""How an asset that did not succeed is told: a refusal as what, where and mend; of anything else no patient's value."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg

from wdbc_assets import privacy, safe_text, settings
from wdbc_assets.domain.errors import WdbcError


@contextmanager
def told(asset: str, refuse: Callable[[WdbcError], None]) -> Iterator[None]:
    """Turn what a step raises into what Dagster's history may keep; `refuse` notes a refusal first."""
    try:
        yield
    except WdbcError as error:
        refuse(error)
        raise dg.Failure(
            description=safe_text.redact(str(error)),
            metadata={name: safe_text.redact(getattr(error, name)) for name in ("what", "where", "mend")},
            allow_retries=False,
        ) from None
    except Exception as error:
        if settings.load().show_values:
            raise
        raise privacy.of_error(error, asset) from None
