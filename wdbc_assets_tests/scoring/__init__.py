"""Tests of scoring files."""
