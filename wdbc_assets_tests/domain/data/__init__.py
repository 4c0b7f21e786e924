"""Tests of `wdbc_assets/domain/data`."""
