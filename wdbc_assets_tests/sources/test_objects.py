"""URLs that fsspec reads. The protocols of object stores themselves need packages and servers of their own."""

from collections.abc import Iterator
from typing import Any

import fsspec
import pytest
from fsspec.registry import known_implementations

from wdbc_assets.sources import SourceRefused, SourceUnavailable
from wdbc_assets_tests.misbehaving_server import TABLE
from wdbc_assets_tests.sources.builders import Fetching, short


@pytest.fixture
def memory() -> Iterator[Any]:
    filesystem = fsspec.filesystem("memory")
    filesystem.pipe_file("/sources/wdbc.data", TABLE)
    yield filesystem
    filesystem.rm("/sources", recursive=True)


def raising(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every opening of an object in memory fail."""

    def open_(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(fsspec.get_filesystem_class("memory"), "_open", open_)


def test_an_object_is_read_whole(memory: Any, fetch: Fetching) -> None:
    found = fetch("memory://sources/wdbc.data")
    assert found.content == TABLE
    assert found.origin.shown == "memory://sources/wdbc.data"


@pytest.mark.fault("S15")
def test_an_object_that_is_not_there_is_refused_at_once(memory: Any, fetch: Fetching) -> None:
    with pytest.raises(SourceRefused, match="the object does not exist") as raised:
        fetch("memory://sources/missing")
    assert raised.value.where == "memory://sources/missing"
    assert fetch.waits.asked == []


@pytest.mark.fault("S07")
def test_an_object_that_is_too_large_is_refused(memory: Any, fetch: Fetching) -> None:
    with pytest.raises(SourceRefused, match="the content is larger than 100 bytes"):
        fetch("memory://sources/wdbc.data", short(largest_bytes=100))


@pytest.fixture
def uninstalled() -> Iterator[str]:
    """A protocol that fsspec knows, and whose package is not installed."""
    fsspec.register_implementation("wdbcless", "no_such_package.FileSystem", errtxt="Install no_such_package")
    yield "wdbcless"
    known_implementations.pop("wdbcless")


@pytest.mark.fault("S17")
def test_a_protocol_without_its_package_is_refused_with_what_to_install(uninstalled: str, fetch: Fetching) -> None:
    with pytest.raises(SourceRefused, match="the package for this protocol is not installed") as raised:
        fetch(f"{uninstalled}://bucket/wdbc.data")
    assert raised.value.hint == "Install no_such_package."
    assert fetch.waits.asked == []


@pytest.mark.fault("S01")
@pytest.mark.fault("S16")
def test_a_store_that_fails_is_tried_again_and_its_message_not_repeated(
    memory: Any, fetch: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(RuntimeError("no answer from https://ann:sesame@store.example.org"), monkeypatch)
    with pytest.raises(SourceUnavailable, match=r"the object store failed \(RuntimeError\) \(4 attempts") as raised:
        fetch("memory://sources/wdbc.data")
    assert len(fetch.waits.asked) == 3
    assert "sesame" not in f"{raised.value!r} {fetch.reported} {raised.value.__context__!r}"


@pytest.mark.fault("S04")
@pytest.mark.parametrize(
    ("error", "what"),
    [
        (PermissionError("no"), "these credentials have no permission to read the object"),
        (IsADirectoryError("no"), "the URL is a folder, not an object"),
        (ValueError("no"), "the URL is not valid for this protocol"),
    ],
)
def test_what_is_not_transient_in_a_store_is_not_tried_again(
    memory: Any, fetch: Fetching, monkeypatch: pytest.MonkeyPatch, error: Exception, what: str
) -> None:
    raising(error, monkeypatch)
    with pytest.raises(SourceRefused, match=what):
        fetch("memory://sources/wdbc.data")
    assert fetch.waits.asked == []
