"""Access mode: once keys were required, no lost or damaged file opens the service."""

import contextlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.serving import access, api_keys
from wdbc_assets.serving.access import Access
from wdbc_assets_tests.serving import champions, running
from wdbc_assets_tests.serving.test_api_keys import with_key


def decided(path: Path, *, host: str = "127.0.0.1", insecure: bool = False) -> Access:
    return access.decide(host, path, insecure=insecure)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A key file with one key."""
    api_keys.create(tmp_path / "keys.json", "one", ("predict",))
    return tmp_path / "keys.json"


def test_until_a_key_exists_local_clients_are_served(tmp_path: Path) -> None:
    assert decided(tmp_path / "keys.json") is Access.LOCAL
    for command in (("key", "list"), ("key", "revoke", "nobody")):
        running.wdbc(tmp_path, *command)
    assert decided(tmp_path / "keys.json") is Access.LOCAL, "checking the mode creates no key"


def replaced_by(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        path.unlink()
        make(path)

    return replace


def leave_only(kept: str) -> Callable[[Path], None]:
    def remove(path: Path) -> None:
        evidence = {
            "lock": path.with_name(".keys.json.lock"),
            "marker": settings.home() / api_keys.MARKER,
            "file": path,
        }
        for name, file in evidence.items():
            if name != kept:
                file.unlink()

    return remove


WAYS_TO_LOSE_THE_FILE: dict[str, Callable[[Path], object]] = {
    "removed": lambda path: path.unlink(),
    "only the lock is left": leave_only("lock"),
    "only the marker is left": leave_only("marker"),
    "empty": lambda path: path.write_bytes(b""),
    "no object": lambda path: path.write_bytes(b"[]"),
    "no list of keys": lambda path: path.write_bytes(b"{}"),
    "of the first format": lambda path: path.write_bytes(b'{"format": 1, "keys": []}'),
    "a link to nowhere": replaced_by(lambda path: path.symlink_to("/nowhere/keys.json")),
    "a link to itself": replaced_by(lambda path: path.symlink_to(path)),
    "a folder": replaced_by(lambda path: path.mkdir()),
    "a pipe": replaced_by(lambda path: os.mkfifo(path, 0o600)),
}


@pytest.mark.fault("V18")
@pytest.mark.parametrize("lose", WAYS_TO_LOSE_THE_FILE.values(), ids=WAYS_TO_LOSE_THE_FILE)
def test_a_service_that_lost_its_key_file_does_not_start(path: Path, lose: Callable[[Path], object]) -> None:
    lose(path)
    with pytest.raises(WdbcError) as refused:
        decided(path)
    assert "wdbc key create" in str(refused.value)
    assert decided(path, insecure=True) is Access.OPEN


@pytest.mark.fault("V18")
def test_another_key_file_path_does_not_open_an_instance_that_had_keys(path: Path) -> None:
    with pytest.raises(WdbcError, match="keys were created, but the key file is missing"):
        decided(path.with_name("other.json"))


@pytest.mark.fault("V18")
def test_another_instance_home_does_not_make_up_for_a_missing_key_file(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.unlink()
    (tmp_path / "a file").touch()
    for home in ("nowhere", "a file"):
        monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / home))
        with pytest.raises(WdbcError, match="the key file is missing"):
            decided(path)


@pytest.mark.fault("V18")
def test_no_key_is_created_if_its_creation_cannot_be_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "a file"))
    with pytest.raises(WdbcError, match="home cannot be written"):
        api_keys.create(tmp_path / "keys.json", "one", ("predict",))
    assert not (tmp_path / "keys.json").exists()


@pytest.mark.fault("V18")
def test_keys_are_still_required_after_the_last_one_is_revoked(path: Path) -> None:
    api_keys.revoke(path, "one")
    assert json.loads(path.read_text())["keys"] == []
    assert decided(path) is Access.KEYED
    assert decided(path, host="0.0.0.0") is Access.KEYED


def test_a_process_without_an_inherited_access_mode_requires_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    assert access.inherited() is Access.KEYED


@pytest.mark.fault("V18")
def test_replacement_workers_reject_everyone_after_the_key_file_disappears(tmp_path: Path) -> None:
    champions.promote(tmp_path, champions.bundle())
    with running.serving(tmp_path, "--workers", "2") as service:
        assert service.ask("/v1/model").status == 200
        key = running.wdbc(tmp_path, "key", "create", "one").stdout.strip()
        service.until(lambda: [service.ask("/v1/model").status for _ in range(8)] == [401] * 8)
        service.until(lambda: with_key(service, key, "/v1/model").status == 200)
        first = set(service.workers)
        os.kill(min(first), signal.SIGKILL)
        service.until(lambda: len(set(service.workers) - first) == 1)  # so the supervisor has ticked since
        for evidence in ("keys.json", ".keys.json.lock", f"home/{api_keys.MARKER}"):
            (tmp_path / evidence).unlink()
        service.until(lambda: with_key(service, key, "/v1/model").status == 401)
        before = set(service.workers)
        for worker in before:
            os.kill(worker, signal.SIGKILL)
        service.until(lambda: len(set(service.workers) - before) == 2)

        statuses: list[int] = []

        def answered() -> bool:
            with contextlib.suppress(OSError):  # a worker that has just started may not respond yet
                statuses.extend(service.ask(path).status for path in ("/v1/model", "/metrics"))
            return len(statuses) >= 16

        service.until(answered, seconds=60)
        assert set(statuses) == {401}


def test_insecure_mode_is_announced_and_requires_no_key(tmp_path: Path) -> None:
    champions.promote(tmp_path, champions.bundle())
    running.wdbc(tmp_path, "key", "create", "one")
    with running.serving(tmp_path, "--insecure-no-key") as service:
        assert "INSECURE" in service.stderr
        assert service.ask("/v1/model").status == 200
