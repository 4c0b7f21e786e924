"""The stores that these tests share."""

from wdbc_assets_tests.stores import faulty_object_store, folder, local, location, object_store, store

__all__ = ["faulty_object_store", "folder", "local", "location", "object_store", "store"]
