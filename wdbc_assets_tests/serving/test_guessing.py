"""Guessing of keys: rate-limited with 429 under any concurrency, without locking out valid keys."""

import asyncio
import ipaddress
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.serving import addresses, api_keys
from wdbc_assets.serving.access import Access
from wdbc_assets.serving.api import endpoints
from wdbc_assets.serving.api.problems import ProblemError
from wdbc_assets.serving.keyring import Keyring
from wdbc_assets.serving.middleware import request_context
from wdbc_assets.serving.middleware.auth import AuthMiddleware
from wdbc_assets_tests.serving import champions, running
from wdbc_assets_tests.serving.test_api_keys import with_key


def in_parallel(count: int, ask: Any) -> Counter[int]:
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda number=number: statuses.append(ask(number))) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(statuses)


@pytest.mark.fault("V17")
def test_twenty_wrong_keys_are_checked_and_a_valid_one_passes_from_that_address(
    tmp_path: Path,
) -> None:
    champions.promote(tmp_path, champions.bundle())
    valid = running.wdbc(tmp_path, "key", "create", "valid").stdout.strip()
    id_ = valid.partition(".")[0]
    with running.serving(tmp_path) as service:
        unknown = in_parallel(150, lambda number: with_key(service, f"{number:012x}.{'A' * 43}", "/v1/model").status)
        # On a slow machine the window may end meanwhile, which allows twenty more.
        assert set(unknown) == {401, 429}
        assert unknown[401] <= 40
        assert with_key(service, valid, "/v1/model").status == 200, "its first use, from the address of the guesses"
        known = in_parallel(100, lambda number: with_key(service, f"{id_}.{number:043}", "/v1/model").status)
        assert set(known) == {401, 429}
        refused = service.ask("/v1/model", headers={"Authorization": f"Bearer {id_}.x"})
        assert (refused.status, "retry-after" in refused.headers) == (429, True)
        assert with_key(service, valid, "/v1/model").status == 200


def guess(gate: AuthMiddleware, token: str, client: str) -> int:
    scope: dict[str, Any] = {
        "type": "http",
        "path": "/v1/model",
        "headers": [(b"authorization", f"Bearer {token}".encode())],
        "client": (client, 1),
    }
    request_context.begin(scope).route = endpoints.find(scope["path"])
    try:
        asyncio.run(gate(scope, None, None))  # type: ignore[arg-type]
    except ProblemError as refused:
        return refused.status
    return 200


async def passed(*_: object) -> None:
    """The application behind the middleware."""


@pytest.mark.fault("V17")
def test_guesses_from_many_addresses_use_bounded_memory_and_spare_valid_keys(
    tmp_path: Path,
) -> None:
    _, valid = api_keys.create(tmp_path / "keys.json", "one", ("predict",))
    gate = AuthMiddleware(passed, Keyring(tmp_path / "keys.json", Access.KEYED), per_minute=100)
    for number in range(3000):
        guess(gate, f"{number:012x}.x", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    storage: Any = gate._limiter.storage
    assert len(storage.storage) <= 2 * 1024
    assert guess(gate, valid, "10.0.0.1") == 200


NETWORKS = [ipaddress.ip_network(text) for text in ("10.0.0.0/8", "::1", "192.0.2.7")]


@pytest.mark.fault("V17")
@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", "203.0.113.1, 198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", "203.0.113.1,198.51.100.9 , 10.9.9.9", "198.51.100.9"),
        ("::ffff:10.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("::1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("192.0.2.7", "198.51.100.9:4711", "198.51.100.9"),
        ("192.0.2.8", "198.51.100.9", "192.0.2.8"),  # not a trusted proxy
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "10.1.1.1, 10.2.2.2", "10.0.0.1"),  # only proxies
        ("10.0.0.1", "198.51.100.9, unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.9,", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.999", "10.0.0.1"),
        ("10.0.0.1", "for=198.51.100.9", "10.0.0.1"),
        ("", "198.51.100.9", ""),
    ],
)
def test_the_client_is_the_right_most_address_of_no_trusted_proxy(peer: str, forwarded: str, client: str) -> None:
    assert addresses.client(peer, forwarded, NETWORKS) == client


@pytest.mark.fault("V17")
def test_repeated_forwarded_headers_are_joined_and_untrusted_ones_are_ignored() -> None:
    scope: dict[str, Any] = {
        "headers": [(b"x-forwarded-for", b"203.0.113.1"), (b"x-forwarded-for", b"198.51.100.9, 10.1.1.1")],
        "client": ("10.0.0.1", 1),
    }
    assert request_context.begin(scope, NETWORKS).client == "198.51.100.9"
    assert request_context.begin(scope).client == "10.0.0.1"


def test_an_ipv6_network_of_64_bits_is_one_client() -> None:
    assert addresses.group("2001:db8::1") == addresses.group("2001:db8::ffff:1")
    assert addresses.group("2001:db8::1") != addresses.group("2001:db8:0:1::1")
    assert addresses.group("198.51.100.9") == "198.51.100.9"


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.1;10.0.0.2", "*"])
def test_a_trusted_proxy_that_is_not_an_address_is_rejected(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_SERVE_TRUSTED_PROXIES", text)
    with pytest.raises(WdbcError, match="WDBC_SERVE_TRUSTED_PROXIES"):
        settings.load()


def test_trusted_proxies_are_separated_by_commas() -> None:
    loaded = settings.load(serve_trusted_proxies=" 10.0.0.0/8, ::1,")
    assert [str(network) for network in loaded.trusted_proxies()] == ["10.0.0.0/8", "::1/128"]
