"""The stores that these tests share."""

from wdbc_assets_tests.stores import azure, folder, google, local, location, object_store, store

__all__ = ["azure", "folder", "google", "local", "location", "object_store", "store"]
