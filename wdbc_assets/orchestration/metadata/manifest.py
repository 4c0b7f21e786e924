"""Metadata of a stored version: location, size, parameters and origin."""

from typing import Any

import dagster as dg

from wdbc_assets.domain import formatting
from wdbc_assets.store.manifest import Manifest


def describe_manifest(manifest: Manifest, folder: str) -> dict[str, Any]:
    """Describe a stored version: location, size, parameters and origin."""
    described: dict[str, Any] = {
        "dagster/uri": folder,
        "version": formatting.short(manifest.version),
        "stored bytes": f"{manifest.size:,}",
        "seconds": manifest.seconds,
    }
    if manifest.rows is not None:
        described["dagster/row_count"] = manifest.rows
    if manifest.parameters:
        described["parameters"] = dg.MetadataValue.json(manifest.parameters)
    if manifest.origin:
        known = {name: value for name, value in manifest.origin.items() if value is not None}
        described["origin"] = dg.MetadataValue.json(known)
    return described
