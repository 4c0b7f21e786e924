"""The stores that these tests share."""

from wdbc_assets_tests.stores import azure, cloud, folder, google, local, location, object_store, proxy, store, url

__all__ = ["azure", "cloud", "folder", "google", "local", "location", "object_store", "proxy", "store", "url"]
