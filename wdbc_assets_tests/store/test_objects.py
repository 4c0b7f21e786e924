"""Writers on several machines at one object store: one swap wins, the other learns it; lost answers mislead nobody."""

import threading

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import backends, paths
from wdbc_assets.store.backends import CannotRead, CannotWrite, ObjectFolder
from wdbc_assets.store.store import Store
from wdbc_assets_tests import object_server
from wdbc_assets_tests.store.artifacts import put
from wdbc_assets_tests.stores import Cloud


class Late(ObjectFolder):
    """A writer on another machine, which another one overtakes between its look at a file and its write."""

    overtaking: tuple[str, bytes] | None = None

    def _versioned(self, path: str):  # type: ignore[no-untyped-def]
        found = super()._versioned(path)
        if self.overtaking and self.overtaking[0] == path:
            ObjectFolder.replace(self, *self.overtaking)
            self.overtaking = None
        return found


@pytest.mark.fault("F03")
def test_of_two_writers_that_swap_a_pointer_one_wins_and_the_other_gets_an_error(url: str) -> None:
    one, other = Late(url), ObjectFolder(url)
    one.replace("a/current.json", b"0")
    one.overtaking = ("a/current.json", b"the other's")
    assert not one.compare_and_swap("a/current.json", b"0", b"mine")
    assert other.read("a/current.json") == b"the other's"
    assert one.compare_and_swap("a/current.json", b"the other's", b"mine")


@pytest.mark.fault("F03")
def test_of_writers_at_the_same_instant_exactly_one_wins(url: str) -> None:
    backend = ObjectFolder(url)
    for number in range(10):
        old = None if number == 0 else backend.read("a/current.json")
        start = threading.Barrier(4)
        won: list[bytes] = []

        def swap(
            name: bytes, old: bytes | None = old, start: threading.Barrier = start, won: list[bytes] = won
        ) -> None:
            rival = ObjectFolder(url)
            start.wait(60)
            if rival.compare_and_swap("a/current.json", old, name):
                won.append(name)

        rivals = [threading.Thread(target=swap, args=(f"{number}-{rival}".encode(),)) for rival in range(4)]
        for rival in rivals:
            rival.start()
        for rival in rivals:
            rival.join(60)
        assert won == [backend.read("a/current.json")]


def test_a_version_is_created_once_by_the_first_writer(url: str) -> None:
    backend = ObjectFolder(url)
    assert backend.compare_and_swap("a/versions/1/x.json", None, b"content")
    assert backend.compare_and_swap("a/versions/1/x.json", None, b"content"), "it lies there already"
    assert not backend.compare_and_swap("a/versions/1/x.json", None, b"other")
    assert not backend.compare_and_swap("a/versions/2/x.json", b"0", b"1"), "there is nothing to swap"
    assert {file.path: file.size for file in backend.listed()} == {"a/versions/1/x.json": 7}


@pytest.mark.fault("F03")
@pytest.mark.parametrize("old", [None, b"0"], ids=["created", "swapped"])
def test_an_answer_that_is_lost_after_the_write_is_no_failure(
    url: str, proxy: object_server.Proxy, old: bytes | None
) -> None:
    backend = ObjectFolder(url)
    if old is not None:
        backend.replace("a/current.json", old)
    proxy.cause("lost")
    assert backend.compare_and_swap("a/current.json", old, b"mine")
    assert proxy.caused == ["lost"]
    assert backend.read("a/current.json") == b"mine"


@pytest.mark.fault("F03")
def test_a_pointer_that_another_machine_moves_meanwhile_is_compared_again(url: str) -> None:
    theirs = Store(ObjectFolder(url))
    put(theirs, b"theirs", run_id="run-1")
    pointer = theirs.backend.read(paths.pointer("raw_data"))
    put(theirs, b"first", run_id="run-2")
    late = Late(url)
    late.overtaking = (paths.pointer("raw_data"), pointer)
    mine = Store(late)
    assert put(mine, b"mine", run_id="run-3"), "its inputs are still current, so that it comes after theirs"
    assert mine.handle("raw_data").load() == b"mine"


def test_a_pointer_that_others_keep_moving_is_an_error(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(ObjectFolder(url))
    put(store, b"first")
    swap = ObjectFolder.compare_and_swap
    monkeypatch.setattr(
        ObjectFolder, "compare_and_swap", lambda self, path, *rest: "current" not in path and swap(self, path, *rest)
    )
    with pytest.raises(CannotWrite, match="was moved by other runs") as caught:
        put(store, b"second", run_id="run-2")
    assert caught.value.hint.startswith("Run again")
    assert store.handle("raw_data").load() == b"first"


@pytest.mark.parametrize("cloud", ["s3", "gs"], indirect=True)  # an address of Azure with a password is refused
def test_a_store_that_does_not_answer_is_named_without_its_credentials(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, free_tcp_port: int
) -> None:
    for name, value in cloud.settings(free_tcp_port).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(backends.objects, "_RETRIES", {"max_retries": 0})
    backend = ObjectFolder(cloud.url.replace("://", "://ann:CANARY@"))
    for kind, call in ((CannotRead, lambda: backend.read("a")), (CannotWrite, lambda: backend.replace("a", b""))):
        with pytest.raises(kind) as caught:
            call()
        assert "CANARY" not in f"{caught.value}{caught.value.where}"
        assert "cannot be reached" in caught.value.what
        assert caught.value.hint.startswith("Check the network")


def test_an_incomplete_address_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("s3://", "az://container/folder"):
        with pytest.raises(WdbcError, match="address cannot be used") as caught:
            ObjectFolder(url)
        assert caught.value.where == "WDBC_STORAGE"
        assert "az://container/folder" in caught.value.hint


def test_without_its_package_an_object_store_says_which_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "obstore.store", None)
    with pytest.raises(WdbcError, match="obstore is not installed") as caught:
        ObjectFolder("memory://x")
    assert "wdbc_assets[cloud]" in caught.value.hint


@pytest.mark.fault("F11")
@pytest.mark.parametrize("kind", ["lost", "repeated"])
def test_a_removal_whose_answer_is_lost_removes_all_that_it_was_asked_for(
    cloud: Cloud, proxy: object_server.Proxy, kind: str
) -> None:
    backend = ObjectFolder(cloud.url)
    for number in range(60):
        backend.replace(f"a/{number}", b"1")
    backend.replace("b", b"1")
    method, path = cloud.removal
    proxy.cause(kind, method=method, path=path)
    backend.remove("a")
    assert proxy.caused == [kind]
    assert [file.path for file in backend.listed()] == ["b"]


@pytest.mark.fault("F11")
@pytest.mark.parametrize("cloud", ["s3"], indirect=True)
def test_a_bucket_with_versioning_is_used_like_any_other(url: str, object_store: int) -> None:
    object_server.create_versioned(object_store, "versioned")
    backend = ObjectFolder(url.replace(object_server.BUCKET, "versioned"))
    store = Store(backend)
    put(store, b"1")
    put(store, b"2", run_id="run-2")
    assert store.handle("raw_data").load() == b"2"
    assert backend.compare_and_swap("a", None, b"1")
    assert backend.compare_and_swap("a", b"1", b"2")
    assert not backend.compare_and_swap("a", b"1", b"3")
    backend.remove("a")
    with pytest.raises(FileNotFoundError):
        backend.read("a")
    assert backend.compare_and_swap("a", None, b"1"), "a removed file can be created again"
