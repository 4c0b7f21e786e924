"""Tests of what is watched, and how a person is alerted."""
