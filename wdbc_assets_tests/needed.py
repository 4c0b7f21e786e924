"""What a test needs of the machine: in CI its absence is a failure, elsewhere the test is skipped."""

import os

import pytest


def absent(reason: str) -> None:
    """End the test, because something it needs is absent."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)  # a developer's machine may lack it: the rest of the tests still tells much
