"""One service shared by the tests that only send requests."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from wdbc_assets_tests.serving import champions, running
from wdbc_assets_tests.serving.running import Service
from wdbc_assets_tests.ui.conftest import page

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["page", "service"]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with a champion and without keys. Tests must not change it."""
    folder: Path = tmp_path_factory.mktemp("service")
    champions.promote(folder, champions.bundle())
    with running.serving(folder) as running_service:
        yield running_service
