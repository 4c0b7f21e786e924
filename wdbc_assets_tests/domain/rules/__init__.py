"""Tests of `wdbc_assets/domain/rules`."""
