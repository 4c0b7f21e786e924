"""Tests of `wdbc_assets/serving/middleware`."""
