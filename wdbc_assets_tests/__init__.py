"""Tests, file for file as the package."""
