"""The figure that the next picture is drawn on, as the tests of all pictures have it."""

from wdbc_assets_tests.test_plots import figure

__all__ = ["figure"]
