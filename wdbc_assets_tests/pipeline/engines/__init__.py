"""Tests of `wdbc_assets/pipeline/engines`."""
