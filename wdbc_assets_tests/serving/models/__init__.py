"""Tests of `wdbc_assets/serving/models`."""
