"""A store in a folder, and those that are no folder: in memory, and on an object store of each kind."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests import object_server
from wdbc_assets_tests.cloud_fakes import Azure, Fake, Google
from wdbc_assets_tests.object_server import Proxy


@dataclass(frozen=True)
class Cloud:
    """An empty place on an object store, and how obstore finds its server.

    Method and path tell the requests that send a part of an upload, end an upload, and remove.
    """

    url: str
    port: int
    settings: Callable[[int], dict[str, str]]
    part: tuple[str, str] = ("PUT", "partNumber=3")
    end: tuple[str, str] = ("POST", "uploadId=")
    removal: tuple[str, str] = ("POST", "")


@pytest.fixture(scope="session")
def object_store() -> Iterator[int]:
    """The port of an object store for all tests of this process."""
    with object_server.running() as port:
        yield port


@pytest.fixture(scope="session")
def google() -> Iterator[Fake]:
    with Google.running() as server:
        yield server


@pytest.fixture(scope="session")
def azure() -> Iterator[Fake]:
    with Azure.running() as server:
        yield server


CLOUDS = ("s3", "gs", "az")


@pytest.fixture(params=CLOUDS)
def cloud(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """An empty place on an object store of each kind, whose address and credentials are in the environment."""
    return _cloud(request, request.param, tmp_path.name, monkeypatch)


def _cloud(request: pytest.FixtureRequest, kind: str, name: str, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    if kind == "s3":
        port: int = request.getfixturevalue("object_store")
        found = Cloud(f"s3://{object_server.BUCKET}/{name}", port, object_server.settings)
    else:
        server: Fake = request.getfixturevalue({"gs": "google", "az": "azure"}[kind])
        found = Cloud(f"{server.url}/{name}", server.server_port, server.settings)
        if kind == "gs":
            found = replace(found, removal=("DELETE", ""))
        else:
            found = replace(found, part=("PUT", "comp=block&"), end=("PUT", "comp=blocklist"))
    _use(found, found.port, monkeypatch)
    return found


def _use(cloud: Cloud, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in cloud.settings(port).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def url(cloud: Cloud) -> str:
    return cloud.url


@pytest.fixture
def proxy(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy to the object store, which the environment names from now on. It causes the faults it is asked for."""
    with Proxy.to(cloud.port) as proxy:
        _use(cloud, proxy.server_port, monkeypatch)
        yield proxy


_AT_NIGHT = [f"{kind}{faults}" for kind in CLOUDS for faults in ("", " with faults")]


@pytest.fixture(params=["folder", "memory", *(pytest.param(kind, marks=pytest.mark.nightly) for kind in _AT_NIGHT)])
def location(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty store of each kind. With faults, those happen to one in seven requests."""
    if request.param not in _AT_NIGHT:
        yield str(tmp_path / "store") if request.param == "folder" else f"memory://{tmp_path.name}"
        return
    cloud = _cloud(request, request.param[:2], tmp_path.name, monkeypatch)
    if request.param in CLOUDS:
        yield cloud.url
        return
    with Proxy.to(cloud.port, every=7) as proxy:
        _use(cloud, proxy.server_port, monkeypatch)
        yield cloud.url


@pytest.fixture
def store(location: str, tmp_path: Path) -> Store:
    return open_store(location, relative_to=tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def local(folder: Path) -> Store:
    return open_store(str(folder), relative_to=folder)
