"""What the tests of sources share: a misbehaving server, a clock that does not wait, and no setting of this machine."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from wdbc_assets_tests.misbehaving_server import MisbehavingServer
from wdbc_assets_tests.sources.builders import Fetching


@pytest.fixture(autouse=True)
def nothing_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, certificate bundle or .netrc of the developer's."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no.netrc"))


@pytest.fixture
def server() -> Iterator[MisbehavingServer]:
    with MisbehavingServer() as running:
        yield running


@pytest.fixture
def fetch() -> Fetching:
    """Fetches under short limits; remembers what was reported, and the waits that were asked for."""
    return Fetching()


@pytest.fixture
def closed_port() -> int:
    """A port of this machine on which nothing listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])
