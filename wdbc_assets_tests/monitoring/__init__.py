"""Tests of `wdbc_assets.monitoring`."""
