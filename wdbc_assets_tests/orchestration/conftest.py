"""The stores that these tests share."""

from wdbc_assets_tests.stores import folder, local, store

__all__ = ["folder", "local", "store"]
