"""The door for Dagster: `workspace.yaml` and `[tool.dg]` name this module."""

from wdbc_assets.orchestration.definitions import defs

__all__ = ["defs"]
