"""How a stored version is described: where it lies, what it is made of."""

from typing import Any

import dagster as dg

from wdbc_assets.pipeline import staleness
from wdbc_assets.store.manifest import Passport


def of_passport(passport: Passport, folder: str) -> dict[str, Any]:
    """Describe a stored version: where it lies, what it is made of."""
    described: dict[str, Any] = {
        "dagster/uri": folder,
        "version": staleness.short(passport.version),
        "stored bytes": f"{passport.size:,}",
        "seconds": passport.seconds,
    }
    if passport.rows is not None:
        described["dagster/row_count"] = passport.rows
    if passport.parameters:
        described["parameters"] = dg.MetadataValue.json(passport.parameters)
    if passport.origin:
        known = {name: value for name, value in passport.origin.items() if value is not None}
        described["origin"] = dg.MetadataValue.json(known)
    return described
