"""A store in a folder, and those that are no folder: in memory, and on an object store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests import object_server


@pytest.fixture(scope="session")
def object_store() -> Iterator[int]:
    """The port of an object store for all tests of this process."""
    with object_server.running() as port:
        yield port


@pytest.fixture(scope="session")
def faulty_object_store(object_store: int) -> Iterator[int]:
    """The port of a proxy to it, which loses, cuts, delays, repeats, drops or throttles one in seven requests."""
    with object_server.Proxy.to(object_store, every=7) as proxy:
        yield proxy.server_port


_AT_NIGHT = {"s3": "object_store", "s3 with faults": "faulty_object_store"}


@pytest.fixture(params=["folder", "memory", *(pytest.param(kind, marks=pytest.mark.nightly) for kind in _AT_NIGHT)])
def location(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty store of each kind."""
    if request.param in _AT_NIGHT:
        port = request.getfixturevalue(_AT_NIGHT[request.param])
        for name, value in object_server.settings(port).items():
            monkeypatch.setenv(name, value)
        return f"s3://{object_server.BUCKET}/{tmp_path.name}"
    return str(tmp_path / "store") if request.param == "folder" else f"memory://{tmp_path.name}"


@pytest.fixture
def store(location: str, tmp_path: Path) -> Store:
    return open_store(location, relative_to=tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def local(folder: Path) -> Store:
    return open_store(str(folder), relative_to=folder)
