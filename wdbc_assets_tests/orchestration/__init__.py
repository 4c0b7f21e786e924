"""Tests of `wdbc_assets/orchestration`."""
