"""Validation of the key file, and how a running service reacts to an invalid one."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.serving import api_keys, telemetry
from wdbc_assets.serving.access import Access
from wdbc_assets.serving.keyring import Keyring
from wdbc_assets_tests.serving import champions, running
from wdbc_assets_tests.serving.test_access import replaced_by
from wdbc_assets_tests.serving.test_api_keys import with_key

ENTRY: dict[str, Any] = {
    "id": "0123456789ab",
    "name": "one",
    "scopes": ["predict"],
    "created_at": "2026-11-01T00:00:00+00:00",
    "sha256": api_keys.digest("secret"),
}


def file_of(*entries: object, **others: object) -> bytes:
    return json.dumps({"format": 2, "keys": list(entries), **others}).encode()


DAMAGED = {
    "empty": b"",
    "no object": b"[]",
    "no list": b"{}",
    "another format": file_of(ENTRY, format=3),
    "format as a truth value": b'{"format": true, "keys": []}',
    "another field": file_of(ENTRY, more=1),
    "deep": b"[" * 100_000,
    "no UTF-8": b"\xff\xfe",
    "UTF-16": file_of(ENTRY).decode().encode("utf-16"),
    "a name twice": b'{"format": 2, "keys": [], "keys": []}',
    "an entry that is no object": file_of(["x"]),
    "an id that is a list": file_of({**ENTRY, "id": ["x"]}),
    "an id that is no id": file_of({**ENTRY, "id": ""}),
    "a name of a terminal's codes": file_of({**ENTRY, "name": "\x1b[2J"}),
    "a digest that is none": file_of({**ENTRY, "sha256": "x"}),
    "a digest that is a number": file_of({**ENTRY, "sha256": 1e999}),
    "a scope that is none": file_of({**ENTRY, "scopes": ["root"]}),
    "scopes that are a text": file_of({**ENTRY, "scopes": "predict"}),
    "scopes that are objects": file_of({**ENTRY, "scopes": [{}]}),
    "no scope": file_of({**ENTRY, "scopes": []}),
    "a time that is none": file_of({**ENTRY, "created_at": "soon"}),
    "a field too few": file_of({name: value for name, value in ENTRY.items() if name != "scopes"}),
    "a field too many": file_of({**ENTRY, "salt": ""}),
    "an id twice": file_of(ENTRY, {**ENTRY, "name": "two"}),
    "a key name twice": file_of(ENTRY, {**ENTRY, "id": "ba9876543210"}),
    "huge": file_of(ENTRY) + b" " * 2**20,
}


def put(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_key_file_is_rejected_with_a_hint(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys.json"
    put(path, content)
    with pytest.raises(WdbcError, match=r"^the key file (is damaged|exceeds)") as refused:
        api_keys.read(path)
    assert "wdbc key create" in str(refused.value)


def test_a_key_file_of_format_1_is_rejected_with_a_hint_and_opens_nothing(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    put(path, json.dumps({"format": 1, "keys": [{**ENTRY, "salt": "c2FsdA=="}]}).encode())
    for act in (lambda: api_keys.read(path), lambda: api_keys.create(path, "two", ("predict",))):
        with pytest.raises(WdbcError, match="has format 1, which is no longer supported") as refused:
            act()
        assert "create the keys again with `wdbc key create NAME`" in str(refused.value)
    keyring = Keyring(path, Access.KEYED)
    assert not keyring.open
    assert keyring.key(f"{ENTRY['id']}.secret") is None


def test_a_valid_key_file_is_read(tmp_path: Path) -> None:
    put(tmp_path / "keys.json", file_of(ENTRY))
    assert api_keys.read(tmp_path / "keys.json")[ENTRY["id"]].scopes == ("predict",)


@pytest.mark.fault("X11")
def test_a_key_file_of_another_user_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "keys.json", file_of(ENTRY))
    monkeypatch.setattr(api_keys, "_ROOT", -1)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(WdbcError, match="belongs to another user"):
        api_keys.read(tmp_path / "keys.json")


@pytest.mark.fault("X11")
def test_a_link_in_place_of_a_temporary_file_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda size: "0" * (2 * size))
    (tmp_path / ".tmp-0000000000000000").symlink_to(tmp_path / "target")
    with pytest.raises(WdbcError, match="cannot be written"):
        api_keys.create(tmp_path / "keys.json", "one", ("predict",))
    assert not (tmp_path / "target").exists()


def test_the_time_to_check_a_key_does_not_depend_on_a_guessed_id(tmp_path: Path) -> None:
    put(tmp_path / "keys.json", file_of(ENTRY))
    keyring = Keyring(tmp_path / "keys.json", Access.KEYED)
    assert keyring.key(f"{ENTRY['id']}.secret") is not None
    for wrong in ("", ".", "x", f"{ENTRY['id']}", f"{ENTRY['id']}.", f"{ENTRY['id']}.Secret", "0" * 12 + ".secret"):
        assert keyring.key(wrong) is None


@pytest.mark.fault("V18")
@pytest.mark.parametrize("error", [RecursionError, MemoryError, KeyError, OSError, RuntimeError])
def test_no_error_ends_the_watch_and_a_failed_read_is_retried_without_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "keys.json"
    put(path, file_of(ENTRY))
    keyring = Keyring(path, Access.KEYED)
    put(path, file_of(ENTRY, {**ENTRY, "id": "ba9876543210", "name": "two"}))
    with monkeypatch.context() as patched:

        def fail(_: Path) -> None:
            raise error

        patched.setattr(api_keys, "read", fail)
        for _ in range(3):
            keyring.poll()
        assert keyring.key(f"{ENTRY['id']}.secret") is not None
        assert unreadable() == 1
        assert len(caplog.records) == 1, "logged once, not at every poll"
    keyring.poll()
    assert unreadable() == 0
    assert keyring.key("ba9876543210.secret") is not None


def unreadable() -> float:
    (family,) = telemetry.KEYS_UNREADABLE.collect()
    return family.samples[0].value


@pytest.mark.fault("V18")
def test_a_worker_started_with_a_damaged_key_file_has_no_keys_until_fixed(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    put(path, b"{")
    keyring = Keyring(path, Access.KEYED)
    assert not keyring.open
    assert keyring.key(f"{ENTRY['id']}.secret") is None
    put(path, file_of(ENTRY))
    keyring.poll()
    assert keyring.key(f"{ENTRY['id']}.secret") is not None


WAYS_TO_DAMAGE: dict[str, Callable[[Path], object]] = {
    "deep": lambda path: put(path, DAMAGED["deep"]),
    "an id that is a list": lambda path: put(path, DAMAGED["an id that is a list"]),
    "empty": lambda path: put(path, b""),
    "readable by others": lambda path: path.chmod(0o644),
    "a folder": replaced_by(lambda path: path.mkdir()),
    "a pipe": replaced_by(lambda path: os.mkfifo(path, 0o600)),
}


@pytest.mark.fault("V18")
def test_loaded_keys_stay_valid_with_an_alarm_while_the_file_is_unreadable(
    tmp_path: Path,
) -> None:
    champions.promote(tmp_path, champions.bundle())
    admin = running.wdbc(tmp_path, "key", "create", "admin", "--scope", "admin", "--scope", "predict").stdout.strip()
    other = running.wdbc(tmp_path, "key", "create", "other").stdout.strip()
    path = tmp_path / "keys.json"
    whole = path.read_bytes()

    def alarm() -> bool:
        return service.metrics()["wdbc_keys_unreadable"] == 1

    with running.serving(tmp_path) as service:
        service.headers = {"Authorization": f"Bearer {admin}"}
        for damage in WAYS_TO_DAMAGE.values():
            damage(path)
            service.until(alarm)
            assert service.ask("/v1/model").status == 200
            if stat.S_ISDIR(path.stat().st_mode):
                path.rmdir()
            else:
                path.unlink()
            fresh = path.with_name("fresh")
            put(fresh, whole)
            fresh.replace(path)
            service.until(lambda: service.ask("/v1/model").status == 200 and not alarm())
        assert with_key(service, other, "/v1/model").status == 200
        assert running.wdbc(tmp_path, "key", "revoke", "other").returncode == 0
        service.until(lambda: with_key(service, other, "/v1/model").status == 401)
        assert "cannot reload the keys" in service.stderr
