"""Tests of `wdbc_assets/scoring`."""
