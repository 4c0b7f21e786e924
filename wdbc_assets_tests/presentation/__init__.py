"""Tests of `wdbc_assets/presentation`."""
