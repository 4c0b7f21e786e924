"""Canary secrets in the address and in the proxy's: used, and found nowhere else, whatever goes wrong."""

import contextlib
import io
import logging
import traceback
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from wdbc_assets.sources import SourceError
from wdbc_assets_tests.misbehaving_server import PASSWORD, USER, MisbehavingServer
from wdbc_assets_tests.sources.builders import Fetching, short

TOKEN = "canary-t0ken"
USER_INFO = f"{USER}:{quote(PASSWORD, safe='')}"
CANARIES = (TOKEN, PASSWORD, quote(PASSWORD, safe=""), quote(PASSWORD), "b3Blbi9zZXNhbWU")  # the last in base64
FOREIGN = "pässwört€"
FAULTS = [
    "/status/404",
    "/status/503",
    "/reset",
    "/reset-in-body",
    "/hang",
    "/drip",
    "/no-http",
    "/announces/10",
    "/chunks-cut",
    "/gzip-cut",
    "/endless",
    "/loop",
    "/redirect?http://[bad/",
    f"/redirect?/status/404/{TOKEN}",
    f"/redirect?/status/503/{TOKEN}",
    "/html",
    "/html-echo",
    "/json",
    "/empty",
]


@contextlib.contextmanager
def every_log_line() -> Iterator[io.StringIO]:
    """Everything that any library logs, at any level, with its tracebacks."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    names = ("", "urllib3", "urllib3.connectionpool", "requests", "fsspec")
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger().addHandler(handler)
    try:
        yield written
    finally:
        logging.getLogger().removeHandler(handler)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def everything_said_by(error: BaseException | None) -> Iterator[str]:
    """All that an error, and the errors that hang on it, would show to anybody."""
    while error is not None:
        yield from (str(error), repr(error), repr(error.args), repr(vars(error)))
        yield "".join(traceback.format_exception(error))
        yield from everything_said_by(error.__cause__)
        error = error.__context__


def assert_no_canary(texts: Iterator[str] | list[str]) -> None:
    for text in texts:
        assert not any(canary in text for canary in CANARIES), text


@pytest.mark.fault("S16")
@pytest.mark.parametrize("path", FAULTS)
def test_no_secret_of_the_address_is_found_when_a_fetch_fails(
    server: MisbehavingServer, fetch: Fetching, capfd: pytest.CaptureFixture[str], path: str
) -> None:
    joint = "&" if "?" in path else "?"
    address = server.url(f"{path}{joint}token={TOKEN}", user_info=USER_INFO)
    limits = short(read_seconds=0.1, total_seconds=0.3 if path == "/drip" else 60, tries=2, largest_bytes=10**5)
    with every_log_line() as log, pytest.raises(SourceError) as raised:
        fetch(address, limits)
    assert_no_canary([*everything_said_by(raised.value), *fetch.reported, log.getvalue(), *capfd.readouterr()])
    assert TOKEN in server.requests[0].path
    assert server.requests[0].headers["Authorization"]


@pytest.mark.fault("S16")
def test_no_secret_of_the_address_is_found_when_a_fetch_succeeds(server: MisbehavingServer, fetch: Fetching) -> None:
    with every_log_line() as log:
        found = fetch(server.url(f"/private?token={TOKEN}", user_info=USER_INFO))
    assert_no_canary([repr(found), str(found.origin.to_json()), log.getvalue()])


@pytest.mark.fault("S16")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_secret_is_found_when_the_connection_or_the_proxy_fails(
    closed_port: int, fetch: Fetching, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    address = f"{scheme}://{USER_INFO}@127.0.0.1:{closed_port}/wdbc.data?token={TOKEN}"
    for proxy in ("", f"http://{USER_INFO}@127.0.0.1:{closed_port}/?{TOKEN}", f"{USER_INFO}@127.0.0.1:{closed_port}"):
        monkeypatch.setenv(f"{scheme}_proxy", proxy)
        with every_log_line() as log, pytest.raises(SourceError) as raised:
            fetch(address)
        assert_no_canary([*everything_said_by(raised.value), *fetch.reported, log.getvalue()])


@pytest.mark.fault("S16")
def test_a_password_beyond_latin_letters_is_used_and_not_shown(server: MisbehavingServer, fetch: Fetching) -> None:
    with pytest.raises(SourceError) as raised:
        fetch(server.url("/private", user_info=f"ann:{FOREIGN}"))
    assert raised.value.what == "the server answered 401 Unauthorized"
    assert FOREIGN not in "".join(everything_said_by(raised.value))


@pytest.mark.fault("S16")
def test_a_refused_address_hangs_no_other_error_on_its_own(server: MisbehavingServer, fetch: Fetching) -> None:
    with pytest.raises(SourceError) as raised:
        fetch(server.url("/reset"))
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
