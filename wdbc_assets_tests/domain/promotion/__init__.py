"""Tests of `wdbc_assets/domain/promotion`."""
