"""Tests of what is watched, and how a person learns of it."""
