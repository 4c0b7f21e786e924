"""What goes wrong between a machine and its bucket: each fault is caused by a proxy in front of a real server."""

import io
import os
from collections.abc import Callable

import pytest

from wdbc_assets.store import paths
from wdbc_assets.store.backends import CannotRead, CannotWrite, ObjectFolder, objects
from wdbc_assets.store.store import Store
from wdbc_assets_tests import object_server
from wdbc_assets_tests.object_server import BUCKET, Proxy
from wdbc_assets_tests.registry.promotions import promote
from wdbc_assets_tests.store.artifacts import put
from wdbc_assets_tests.stores import Cloud

pytestmark = pytest.mark.parametrize(
    "cloud", ["s3", *(pytest.param(kind, marks=pytest.mark.nightly) for kind in ("gs", "az"))], indirect=True
)

LARGE = 11 * 1024**2  # three parts


@pytest.fixture
def without_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "_RETRIES", {"max_retries": 0})


@pytest.mark.fault("F11")
@pytest.mark.parametrize("kind", object_server.KINDS)
def test_a_fault_of_the_network_changes_nothing_about_a_write_and_a_read(cloud: Cloud, proxy: Proxy, kind: str) -> None:
    backend = ObjectFolder(cloud.url)
    proxy.cause(kind)
    backend.replace("a", b"1" * 1000)
    proxy.cause(kind, method="GET")
    assert backend.read("a") == b"1" * 1000
    proxy.cause(kind)
    assert backend.compare_and_swap("a", b"1" * 1000, b"2" * 1000)
    proxy.cause(kind, method="GET")
    assert [file.path for file in backend.listed()] == ["a"]
    assert ObjectFolder(cloud.url).read("a") == b"2" * 1000
    proxy.cause(kind, method="GET")
    with pytest.raises(FileNotFoundError):
        backend.read("missing")
    method, path = cloud.removal
    proxy.cause(kind, method=method, path=path)
    backend.remove("a")
    assert backend.listed() == []
    method, path = cloud.end
    proxy.cause(kind, method=method, path=path)
    backend.put_file("large", io.BytesIO(content := os.urandom(LARGE)))
    with backend.open("large") as file:
        assert file.read() == content
    assert proxy.caused == [kind] * 7


@pytest.mark.fault("F11")
@pytest.mark.usefixtures("without_retries")
@pytest.mark.parametrize("kind", ["lost", "repeated"])
@pytest.mark.parametrize(
    "write",
    [
        lambda backend: backend.replace("a", b"new"),
        lambda backend: backend.put_file("a", io.BytesIO(b"new")),
        lambda backend: backend.compare_and_swap("a", b"old", b"new"),
    ],
    ids=["replace", "put_file", "compare_and_swap"],
)
def test_a_write_whose_answer_is_lost_for_good_is_recognised_by_its_content(
    url: str, proxy: Proxy, kind: str, write: Callable[[ObjectFolder], object]
) -> None:
    backend = ObjectFolder(url)
    backend.replace("a", b"old")
    proxy.cause(kind)
    assert write(backend) in (True, None)
    assert backend.read("a") == b"new"
    proxy.cause("dropped")
    with pytest.raises(CannotWrite):
        backend.replace("a", b"newer")
    assert backend.read("a") == b"new"


@pytest.mark.fault("F11")
@pytest.mark.parametrize("kind", ["lost", "repeated"])
def test_the_end_of_an_upload_whose_answer_is_lost_is_recognised_by_its_digest(
    cloud: Cloud, proxy: Proxy, kind: str
) -> None:
    content = os.urandom(LARGE)
    backend = ObjectFolder(cloud.url)
    method, path = cloud.end
    proxy.cause(kind, method=method, path=path)
    backend.put_file("a", io.BytesIO(content))
    assert proxy.caused == [kind]
    assert backend.read("a") == content


@pytest.mark.fault("F11")
@pytest.mark.usefixtures("without_retries")
@pytest.mark.parametrize("earlier", [None, b"earlier"], ids=["new", "replaced"])
def test_an_upload_that_dies_leaves_nothing_visible(cloud: Cloud, proxy: Proxy, earlier: bytes | None) -> None:
    backend = ObjectFolder(cloud.url)
    if earlier:
        backend.replace("a", earlier)
    method, path = cloud.part
    proxy.cause("dropped", method=method, path=path)
    with pytest.raises(CannotWrite):
        backend.put_file("a", io.BytesIO(bytes(LARGE)))
    assert proxy.caused == ["dropped"]
    assert [(file.path, file.size) for file in backend.listed()] == ([("a", 7)] if earlier else [])
    backend.put_file("a", io.BytesIO(bytes(LARGE)))
    assert [(file.path, file.size) for file in backend.listed()] == [("a", LARGE)]


@pytest.mark.fault("F11")
def test_an_entry_of_the_audit_log_whose_answer_is_lost_is_there_once(url: str, proxy: Proxy) -> None:
    store = Store(ObjectFolder(url))
    proxy.cause("lost", path=paths.HISTORY)
    promote(store, b"a")
    proxy.cause("repeated", path=paths.HISTORY)
    promote(store, b"b")
    assert proxy.caused == ["lost", "repeated"]
    lines = store.backend.read(paths.HISTORY).splitlines()
    assert len(lines) == 2


@pytest.mark.fault("F11")
@pytest.mark.parametrize(
    ("answer", "said", "hint"),
    [
        ("forbidden", "the credentials do not permit it", "Permit reading"),
        ("throttled", "the server throttled every attempt", "Try again later"),
        ("skewed", "the clock of this machine differs too much", "Set the clock"),
        ("unsigned", "the server does not accept the credentials", "Check the credentials"),
        ("dropped", "the server cannot be reached", "Check the network"),
    ],
)
@pytest.mark.usefixtures("without_retries")
def test_what_the_server_refuses_is_said_in_words_with_the_file(
    url: str, proxy: Proxy, answer: str, said: str, hint: str
) -> None:
    store = Store(ObjectFolder(url))
    put(store, b"content")
    proxy.cause(answer, method="", path="raw_data/current.json", times=9)
    calls: list[tuple[type[CannotRead | CannotWrite], Callable[[], object]]] = [
        (CannotRead, lambda: store.current("raw_data")),
        (CannotWrite, lambda: store.backend.replace("raw_data/current.json", b"")),
    ]
    for kind, call in calls:
        with pytest.raises(kind, match=said) as caught:
            call()
        assert caught.value.where == f"{url}/raw_data/current.json"
        assert caught.value.hint.startswith(hint)
        assert caught.value.hint.endswith("The current versions are unchanged.")
    proxy.faults.clear()
    assert store.handle("raw_data").load() == b"content"


@pytest.mark.fault("F11")
def test_a_bucket_that_is_missing_is_not_taken_for_an_empty_store(url: str) -> None:
    backend = ObjectFolder(url.replace(BUCKET, "no-such-bucket"))
    calls: list[tuple[type[CannotRead | CannotWrite], Callable[[], object]]] = [
        (CannotRead, lambda: backend.read("a")),
        (CannotRead, backend.listed),
        (CannotWrite, lambda: backend.replace("a", b"1")),
    ]
    for kind, call in calls:
        with pytest.raises(kind, match="the bucket does not exist") as caught:
            call()
        assert caught.value.hint.startswith("Create the bucket")
