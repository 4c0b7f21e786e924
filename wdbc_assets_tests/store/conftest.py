"""The stores that these tests share."""

from wdbc_assets_tests.stores import folder, local, location, object_store, store

__all__ = ["folder", "local", "location", "object_store", "store"]
