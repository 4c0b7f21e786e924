"""Tests of single pictures; what holds for all of them is tested in `test_plots`."""
