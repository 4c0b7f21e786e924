"""Tests of `wdbc_assets/domain/modeling`."""
