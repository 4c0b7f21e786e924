"""A store in a folder, and one that is no folder."""

from pathlib import Path

import pytest

from wdbc_assets.store.store import Store, open_store


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    location = str(tmp_path / "store") if request.param == "folder" else f"memory://{tmp_path.name}"
    return open_store(location, relative_to=tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def local(folder: Path) -> Store:
    return open_store(str(folder), relative_to=folder)
