"""An empty history of Dagster's, made once for all tests of a process: its databases take seconds to create."""

import shutil
from pathlib import Path

import pytest

__all__ = ["empty_history", "empty_history_once"]


@pytest.fixture(scope="session")
def empty_history_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from wdbc_assets.orchestration.instance import open_instance

    home = tmp_path_factory.mktemp("history") / "home"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DAGSTER_HOME", str(home))
        with open_instance():
            pass
    return home


@pytest.fixture
def empty_history(empty_history_once: Path, environment: Path) -> Path:
    """Dagster's home, with a history in which nothing has happened."""
    return Path(shutil.copytree(empty_history_once, environment / "home", symlinks=True))
