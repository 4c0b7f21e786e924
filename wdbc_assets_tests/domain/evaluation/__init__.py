"""Tests of `wdbc_assets/domain/evaluation`."""
