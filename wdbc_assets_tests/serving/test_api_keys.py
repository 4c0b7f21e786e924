"""API keys: storage, scopes, revocation, and where the service listens without any."""

import hashlib
import json
import os
import re
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.loopback import is_loopback
from wdbc_assets.serving import api_keys
from wdbc_assets.serving.api import schemas
from wdbc_assets_tests.serving import champions, running
from wdbc_assets_tests.serving.running import Answer, Service
from wdbc_assets_tests.serving.test_requests import assert_is_problem

ONE = {"patients": [schemas.EXAMPLE]}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, dict[str, str]]]:
    """A service with two keys, `predict` and `admin`. Tests must not change them."""
    folder: Path = tmp_path_factory.mktemp("guarded")
    champions.promote(folder, champions.bundle())
    made = {
        scope: running.wdbc(folder, "key", "create", f"for {scope}", "--scope", scope).stdout.strip()
        for scope in api_keys.SCOPES
    }
    with running.serving(folder) as service:
        yield service, made


def with_key(service: Service, key: str, path: str = "/v1/predict") -> Answer:
    return service.ask(path, ONE if path == "/v1/predict" else None, headers={"Authorization": f"Bearer {key}"})


def test_a_key_is_printed_once_and_only_its_digest_is_stored(tmp_path: Path) -> None:
    made = running.wdbc(tmp_path, "key", "create", "ward 7")
    whole = made.stdout.strip()
    assert re.fullmatch(r"[0-9a-f]{12}\.[A-Za-z0-9_-]{43}", whole)
    content = (tmp_path / "keys.json").read_text()
    secret = whole.partition(".")[2]
    assert secret not in content
    assert json.loads(content)["keys"][0]["sha256"] == hashlib.sha256(secret.encode()).hexdigest()
    listed = running.wdbc(tmp_path, "key", "list").stdout
    assert "ward 7" in listed
    assert "predict" in listed
    plain = running.wdbc(tmp_path, "key", "list", "--json").stdout
    assert [(one["name"], one["scopes"]) for one in json.loads(plain)] == [("ward 7", ["predict"])]
    assert secret not in listed + plain
    assert running.wdbc(tmp_path, "key", "revoke", "ward 7").returncode == 0
    assert api_keys.read(tmp_path / "keys.json") == {}


@pytest.mark.fault("X11")
def test_only_the_owner_may_read_keys_and_metrics_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        running.wdbc(tmp_path, "key", "create", "one", "--scope", "predict", "--scope", "admin")
        champions.promote(tmp_path, champions.bundle())
        with running.serving(tmp_path, "--workers", "2"):
            (figures,) = (tmp_path / "home").glob("wdbc-serve-*")
            assert stat.S_IMODE(figures.stat().st_mode) == 0o700
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    assert not figures.exists()


@pytest.mark.fault("X11")
def test_a_key_file_that_others_may_read_is_rejected(tmp_path: Path) -> None:
    api_keys.create(tmp_path / "keys.json", "one", ("predict",))
    (tmp_path / "keys.json").chmod(0o640)
    with pytest.raises(WdbcError, match="accessible to other users"):
        api_keys.read(tmp_path / "keys.json")
    refused = running.wdbc(tmp_path, "serve", "--port", str(running.free_port()))
    assert refused.returncode == 1
    assert "chmod 600" in refused.stderr


@pytest.mark.parametrize("name", ["", "../x", "a\nb", "x" * 65, "Ünal"])
def test_a_key_name_that_could_break_the_listing_is_rejected(tmp_path: Path, name: str) -> None:
    with pytest.raises(WdbcError, match="invalid key name"):
        api_keys.create(tmp_path / "keys.json", name, ("predict",))


def test_a_link_to_the_key_file_means_the_same_keys(tmp_path: Path) -> None:
    """A key that is revoked under one name of the file is revoked under each."""
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "keys.json", tmp_path / "keys.json"
    api_keys.create(real, "lost", ("predict",))
    link.symlink_to(real)
    located = api_keys.locate("keys.json", relative_to=tmp_path)
    api_keys.revoke(located, "lost")
    assert api_keys.read(real) == {}
    key, _ = api_keys.create(located, "new", ("predict",))
    assert api_keys.read(real) == {key.id: key}
    # Kubernetes replaces a secret by letting the link lead elsewhere, and the service reads through it.
    other = tmp_path / "other.json"
    api_keys.create(other, "rotated", ("predict",))
    link.unlink()
    link.symlink_to(other)
    assert [key.name for key in api_keys.read(located).values()] == ["rotated"]


def test_a_key_file_with_a_second_name_is_not_split(tmp_path: Path) -> None:
    first, second = tmp_path / "keys.json", tmp_path / "second.json"
    api_keys.create(first, "lost", ("predict",))
    second.hardlink_to(first)
    with pytest.raises(WdbcError, match="second name"):
        api_keys.revoke(first, "lost")
    assert api_keys.read(first) == api_keys.read(second) != {}


def test_a_key_cannot_have_the_id_of_another_key_as_its_name(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key, _ = api_keys.create(path, "first", ("predict",))
    with pytest.raises(WdbcError, match="like the id of a key"):
        api_keys.create(path, key.id, ("admin",))


def test_duplicate_key_names_and_unknown_revocations_are_rejected(tmp_path: Path) -> None:
    api_keys.create(tmp_path / "keys.json", "one", ("predict",))
    with pytest.raises(WdbcError, match="a key named one already exists"):
        api_keys.create(tmp_path / "keys.json", "one", ("admin",))
    with pytest.raises(WdbcError, match="no key has the name or id 'two'"):
        api_keys.revoke(tmp_path / "keys.json", "two")


@pytest.mark.fault("V03")
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer x",
        "Bearer .",
        "Bearer " + "x" * 10_000,
        "Bearer é.ü",
    ],
)
def test_without_a_valid_key_only_public_paths_respond(
    guarded: tuple[Service, dict[str, str]], header: str | None
) -> None:
    service, _ = guarded
    headers = {} if header is None else {"Authorization": header.encode().decode("latin-1")}
    for path in ("/v1/predict", "/v1/model", "/metrics", "/nowhere"):
        refused = service.ask(path, ONE if path == "/v1/predict" else None, headers=headers)
        assert refused.status == 401
        assert refused.headers["www-authenticate"].startswith('Bearer realm="wdbc"')
        assert_is_problem(refused)
        assert "version" not in refused.json
    for path in ("/health/live", "/health/ready", "/docs", "/openapi.json"):
        assert service.ask(path, headers=headers).status == 200


@pytest.mark.fault("V03")
def test_a_key_grants_only_its_scopes(guarded: tuple[Service, dict[str, str]]) -> None:
    service, made = guarded
    assert with_key(service, made["predict"]).status == 200
    assert with_key(service, made["admin"], "/metrics").status == 200
    for key, path in ((made["predict"], "/metrics"), (made["admin"], "/v1/predict")):
        refused = with_key(service, key, path)
        assert refused.status == 403
        assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]
        assert_is_problem(refused)


@pytest.mark.fault("V03")
def test_wrong_secrets_and_unknown_ids_get_the_same_response_and_no_log_entry(
    guarded: tuple[Service, dict[str, str]],
) -> None:
    service, made = guarded
    id_, _, secret = made["predict"].partition(".")
    assert with_key(service, made["predict"]).status == 200
    refused = [with_key(service, wrong) for wrong in (f"{id_}.{'A' * 43}", f"{'0' * 12}.{secret}")]
    assert [answer.status for answer in refused] == [401, 401]
    assert len({answer.json["detail"] for answer in refused}) == 1
    service.until(lambda: id_ in {line.get("key") for line in service.log})
    for text in (service.stderr, json.dumps(service.log)):
        assert secret not in text
        assert "A" * 43 not in text


@pytest.mark.fault("V03")
def test_a_revoked_key_or_a_missing_key_file_takes_effect_within_moments(tmp_path: Path) -> None:
    champions.promote(tmp_path, champions.bundle())
    first, second = (running.wdbc(tmp_path, "key", "create", name).stdout.strip() for name in ("first", "second"))
    with running.serving(tmp_path) as service:
        assert with_key(service, first).status == with_key(service, second).status == 200
        assert running.wdbc(tmp_path, "key", "revoke", "first").returncode == 0
        service.until(lambda: with_key(service, first).status == 401)
        assert with_key(service, second).status == 200
        (tmp_path / "keys.json").unlink()
        service.until(lambda: with_key(service, second).status == 401)
        assert service.ask("/v1/model").status == 401


@pytest.mark.fault("X06")
def test_by_default_the_service_listens_on_loopback_only(service: Service) -> None:
    assert "no API key exists" in service.stderr
    listening = Path(f"/proc/{service.process.pid}/net/tcp").read_text()
    addresses_ = {line.split()[1] for line in listening.splitlines()[1:] if line.split()[3] == "0A"}
    port = f"{service.port:04X}"
    assert {one for one in addresses_ if one.endswith(f":{port}")} == {f"0100007F:{port}"}


@pytest.mark.fault("X06")
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "somewhere.example"])
def test_a_non_loopback_address_is_rejected_without_a_key(tmp_path: Path, host: str) -> None:
    refused = running.wdbc(tmp_path, "serve", "--host", host, "--port", str(running.free_port()))
    assert refused.returncode == 1
    assert "no API key exists" in refused.stderr
    assert "--insecure-no-key" in refused.stderr


@pytest.mark.fault("X06")
def test_a_non_loopback_address_without_a_key_needs_insecure_and_a_warning(tmp_path: Path) -> None:
    champions.promote(tmp_path, champions.bundle())
    with running.serving(tmp_path, "--host", "0.0.0.0", "--insecure-no-key") as service:
        assert "INSECURE" in service.stderr
        assert service.ask("/v1/predict", ONE).status == 200


@pytest.mark.fault("X06")
def test_a_non_loopback_address_with_a_key_requires_the_key(tmp_path: Path) -> None:
    champions.promote(tmp_path, champions.bundle())
    key = running.wdbc(tmp_path, "key", "create", "one").stdout.strip()
    with running.serving(tmp_path, "--host", "0.0.0.0") as service:
        assert service.ask("/v1/predict", ONE).status == 401
        assert with_key(service, key).status == 200


@pytest.mark.fault("X06")
def test_dns_rebinding_does_not_reach_the_service(service: Service) -> None:
    refused = service.ask("/v1/predict", ONE, headers={"Host": f"evil.example:{service.port}"})
    assert refused.status == 421
    assert_is_problem(refused)
    assert service.ask("/v1/predict", ONE, headers={"Host": f"localhost:{service.port}"}).status == 200


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = running.wdbc(tmp_path, "serve", "--port", str(port))
    assert refused.returncode == 1
    assert f"127.0.0.1:{port}" in refused.stderr
    assert "--port" in refused.stderr


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("[::1]", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("localhost.example", False), ("", False)],
)  # fmt: skip
def test_only_loopback_addresses_count_as_local(host: str, *, here: bool) -> None:
    assert is_loopback(host) is here
