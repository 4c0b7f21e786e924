"""Metadata of a stored version: location, size, parameters, inputs and origin."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from wdbc_assets.domain import formatting
from wdbc_assets.orchestration.metadata import parts
from wdbc_assets.store.manifest import Manifest


def describe_manifest(manifest: Manifest, folder: str, inputs: Mapping[str, Manifest]) -> parts.Metadata:
    """Describe a stored version: location, size, parameters, inputs with their parameters, and origin."""
    described: parts.Metadata = {
        "dagster/uri": folder,
        "version": formatting.short(manifest.version),
        "stored bytes": f"{manifest.size:,}",
        "seconds": manifest.seconds,
    }
    if manifest.rows is not None:
        described["dagster/row_count"] = manifest.rows
    if manifest.parameters:
        described["parameters"] = dg.MetadataValue.json(manifest.parameters)
    if inputs:
        described["inputs"] = parts.table(
            ("asset", "version", "parameters"),
            [(name, formatting.short(source.version), _listed(source.parameters)) for name, source in inputs.items()],
        )
    if manifest.origin:
        known = {name: value for name, value in manifest.origin.items() if value is not None}
        described["origin"] = dg.MetadataValue.json(known)
    return described


def _listed(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in parameters.items() if value is not None)
