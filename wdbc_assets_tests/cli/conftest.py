"""The inbox and the store of the commands that monitor. A test file with another store has a fixture of its own."""

from wdbc_assets_tests.monitored import inbox, store

__all__ = ["inbox", "store"]
