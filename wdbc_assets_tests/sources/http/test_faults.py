"""What is said of certificates and proxies; the other faults are tried in `test_client` and `test_connections`."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from wdbc_assets.sources import SourceRefused, SourceUnavailable
from wdbc_assets.sources.http import faults
from wdbc_assets_tests import needed
from wdbc_assets_tests.misbehaving_server import TABLE, Certificate, MisbehavingServer, make_certificate
from wdbc_assets_tests.sources.builders import Fetching, short


def made(folder: Path, **options: Any) -> Certificate:
    """A certificate for one test."""
    if shutil.which("openssl") is None:
        needed.absent("no openssl command to make certificates with")
    return make_certificate(folder, **options)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return made(tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module")
def expired(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return made(tmp_path_factory.mktemp("expired"), days=-1)


@pytest.fixture(scope="module")
def of_another_name(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return made(tmp_path_factory.mktemp("other"), host="DNS:data.example.org")


def trust(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.pem))


def test_an_error_that_fits_nothing_is_reported_by_its_number() -> None:
    fault = faults.fault_for_error(OSError(errno.EMFILE, "https://ann:sesame@example.org"), proxy=None)
    assert fault.what == f"the request failed ({os.strerror(errno.EMFILE)})"
    assert fault.passing


@pytest.mark.fault("S09")
def test_a_certificate_of_an_unknown_authority_is_refused_until_the_authority_is_trusted(
    certificate: Certificate, fetch: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MisbehavingServer(certificate=certificate) as server:
        with pytest.raises(SourceRefused, match="the certificate of the server is self-signed") as raised:
            fetch(server.url("/good"))
        assert "REQUESTS_CA_BUNDLE" in raised.value.hint
        assert "cannot be switched off" in raised.value.hint
        assert server.requests == []
        assert fetch.waits.asked == []
        trust(certificate, monkeypatch)
        assert fetch(server.url("/good")).content == TABLE


@pytest.mark.fault("S09")
def test_a_certificate_for_another_name_is_refused_though_its_authority_is_trusted(
    of_another_name: Certificate, fetch: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(of_another_name, monkeypatch)
    with MisbehavingServer(certificate=of_another_name) as server:
        with pytest.raises(SourceRefused, match="the certificate of the server is for another address"):
            fetch(server.url("/good"))
        with pytest.raises(SourceRefused, match="the certificate of the server is for another host name"):
            fetch(server.url("/good", host="localhost"))
        assert server.requests == []


@pytest.mark.fault("S09")
def test_an_expired_certificate_is_refused_though_its_authority_is_trusted(
    expired: Certificate, fetch: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(expired, monkeypatch)
    with MisbehavingServer(certificate=expired) as server:
        with pytest.raises(SourceRefused, match="the certificate of the server has expired"):
            fetch(server.url("/good"))
        assert server.requests == []


@pytest.mark.fault("S09")
def test_no_variable_switches_verification_off(
    certificate: Certificate, fetch: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("PYTHONHTTPSVERIFY", "0")
    with MisbehavingServer(certificate=certificate) as server, pytest.raises(SourceRefused, match="certificate"):
        fetch(server.url("/good"))


@pytest.mark.fault("S09")
def test_a_bundle_that_is_not_there_is_named(
    certificate: Certificate, fetch: Fetching, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    with MisbehavingServer(certificate=certificate) as server, pytest.raises(SourceRefused, match=r"missing\.pem"):
        fetch(server.url("/good"))


@pytest.mark.fault("S09")
def test_a_bundle_without_a_certificate_in_it_is_refused(
    certificate: Certificate, fetch: Fetching, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "empty.pem").write_text("none\n")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "empty.pem"))
    with MisbehavingServer(certificate=certificate) as server:
        with pytest.raises(SourceRefused, match="the TLS handshake with the server failed") as raised:
            fetch(server.url("/good"))
        assert "REQUESTS_CA_BUNDLE" in raised.value.hint


@pytest.mark.fault("S08")
def test_a_redirect_from_https_to_http_is_refused(
    certificate: Certificate, server: MisbehavingServer, fetch: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(certificate, monkeypatch)
    with MisbehavingServer(certificate=certificate) as secure:
        with pytest.raises(SourceRefused, match="the server redirects from https to http"):
            fetch(secure.url(f"/redirect?{server.url('/good')}"))
        assert server.requests == []
        assert fetch(server.url(f"/redirect?{secure.url('/good')}")).content == TABLE


@pytest.mark.fault("S02")
@pytest.mark.fault("S09")
def test_the_total_time_holds_over_tls(
    certificate: Certificate, fetch: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(certificate, monkeypatch)
    with (
        MisbehavingServer(certificate=certificate) as server,
        pytest.raises(SourceUnavailable, match="no complete response"),
    ):
        fetch(server.url("/drip"), short(read_seconds=30, total_seconds=0.4))


def test_a_server_without_tls_is_named_as_such(server: MisbehavingServer, fetch: Fetching) -> None:
    with pytest.raises(SourceRefused, match="the TLS handshake with the server failed") as raised:
        fetch(server.url("/good").replace("http:", "https:"))
    assert "http://" in raised.value.hint


@pytest.mark.fault("S10")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_dead_proxy_is_named_without_its_password(
    closed_port: int, fetch: Fetching, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv(f"{scheme}_proxy", f"http://ann:sesame@127.0.0.1:{closed_port}")
    with pytest.raises(SourceUnavailable) as raised:
        fetch(f"{scheme}://data.example.org/wdbc.data")
    proxy = f"http://***@127.0.0.1:{closed_port}"
    assert raised.value.what.startswith(f"the proxy {proxy} cannot be used: the connection was refused (4 attempts")
    assert raised.value.where == f"{scheme}://data.example.org/wdbc.data (through the proxy {proxy})"
    assert "http_proxy" in raised.value.hint
    assert "sesame" not in f"{raised.value!r}{fetch.reported}"


@pytest.mark.fault("S10")
@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "http://:80"])
def test_a_proxy_that_cannot_be_used_at_all_is_named(
    fetch: Fetching, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(SourceRefused, match=f"the proxy {proxy} cannot be used"):
        fetch("http://data.example.org/wdbc.data")


@pytest.mark.fault("S10")
def test_a_proxy_that_refuses_to_connect_is_named_with_its_status(
    server: MisbehavingServer, fetch: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", server.url(""))
    with pytest.raises(SourceRefused, match=rf"the proxy {server.url('')} answered 501"):
        fetch("https://data.example.org/wdbc.data")


@pytest.mark.fault("S10")
def test_a_living_proxy_is_used_and_named_where_the_answer_is_bad(
    server: MisbehavingServer, fetch: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url("", user_info="ann:sesame"))
    assert fetch("http://data.example.org/good").content == TABLE
    assert server.requests[0].headers["Proxy-Authorization"]
    with pytest.raises(SourceRefused, match="404 Not Found") as raised:
        fetch("http://data.example.org/status/404")
    assert raised.value.where.endswith(f"(through the proxy http://***@127.0.0.1:{server.port})")
