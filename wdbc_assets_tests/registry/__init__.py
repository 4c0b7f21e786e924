"""Tests of `wdbc_assets/registry`."""
