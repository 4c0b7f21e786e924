"""Tests of the statistics of the monitoring."""
