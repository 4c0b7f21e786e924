"""Tests of the report's parts; the page as a whole is tried in `cli.test_report`."""
