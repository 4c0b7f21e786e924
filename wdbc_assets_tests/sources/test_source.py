"""What holds for every kind of source: one reading, an identity, and the refusal of what is no table."""

import hashlib
from pathlib import Path

import pytest

from wdbc_assets import sources
from wdbc_assets.sources import Origin, Snapshot, SourceError, SourceRefused, bundled
from wdbc_assets_tests.misbehaving_server import TABLE, MisbehavingServer
from wdbc_assets_tests.sources.builders import Fetching, Waits, short

DIGEST = hashlib.sha256(TABLE).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "wdbc.data"
    path.write_bytes(TABLE)
    return path


def fingerprint(address: str, known: Origin | None = None) -> str:
    return sources.parse(address).fingerprint(known, limits=short(tries=1), clock=Waits().clock())


def test_the_bundled_copy_is_fetched(fetch: Fetching) -> None:
    found = fetch("bundled")
    assert found.content == bundled.content()
    assert found.origin == Origin(
        shown="bundled", sha256=hashlib.sha256(found.content).hexdigest(), bytes=len(found.content)
    )


def test_a_file_is_fetched_by_path_and_by_url(file: Path, fetch: Fetching) -> None:
    assert fetch(str(file)) == fetch(file.as_uri())
    assert fetch(str(file)).origin == Origin(shown=str(file), sha256=DIGEST, bytes=len(TABLE))


def test_a_server_s_marks_become_part_of_the_origin(server: MisbehavingServer, fetch: Fetching) -> None:
    origin = fetch(server.url("/marked")).origin
    assert (origin.etag, origin.last_modified) == ('"of-the-table"', "Mon, 01 Nov 2021 12:00:00 GMT")


# What is no table


@pytest.mark.fault("S05")
@pytest.mark.parametrize(
    ("path", "instead"),
    [
        ("/html", 'an HTML page titled "Sign in"'),
        ("/json", "a JSON document"),
        ("/empty", "empty content"),
    ],
)
def test_a_good_status_with_something_else_than_a_table_is_refused_at_once(
    server: MisbehavingServer, fetch: Fetching, path: str, instead: str
) -> None:
    with pytest.raises(SourceRefused) as raised:
        fetch(server.url(path))
    assert raised.value.what == f"the source is not a table but {instead}"
    assert raised.value.where == server.url(path)
    assert server.times_asked(path) == 1


@pytest.mark.fault("S05")
def test_a_file_that_is_no_table_is_refused_as_well(tmp_path: Path, fetch: Fetching) -> None:
    page = tmp_path / "wdbc.data"
    page.write_bytes(b"<html><title>Page not found</title></html>")
    with pytest.raises(SourceRefused, match='an HTML page titled "Page not found"'):
        fetch(str(page))


# The pinned digest


@pytest.mark.fault("S14")
def test_content_with_the_pinned_digest_is_accepted(file: Path, fetch: Fetching) -> None:
    assert fetch(str(file), sha256=f" {DIGEST.upper()}\n").content == TABLE


@pytest.mark.fault("S14")
def test_content_with_another_digest_is_refused_and_both_are_shown(server: MisbehavingServer, fetch: Fetching) -> None:
    with pytest.raises(SourceRefused) as raised:
        fetch(server.url("/good"), sha256="ab" * 32)
    assert raised.value.what == f"the content has SHA-256 {DIGEST}, but {'ab' * 32} is pinned"
    assert server.times_asked("/good") == 1


@pytest.mark.fault("S14")
@pytest.mark.parametrize("pin", ["", "ab", "ab" * 33, "xy" * 32, f"sha256:{DIGEST}"])
def test_a_malformed_pin_is_refused_before_anything_is_asked(
    server: MisbehavingServer, fetch: Fetching, pin: str
) -> None:
    with pytest.raises(SourceRefused, match="a SHA-256 has 64 hexadecimal digits"):
        fetch(server.url("/good"), sha256=pin)
    assert server.requests == []


@pytest.mark.fault("S14")
def test_a_new_pin_is_held_against_the_content_though_the_server_would_say_not_modified(
    server: MisbehavingServer, fetch: Fetching
) -> None:
    known = fetch(server.url("/marked")).origin
    with pytest.raises(SourceRefused, match="is pinned"):
        fetch(server.url("/marked"), known=known, sha256="ab" * 32)
    assert fetch(server.url("/marked"), known=known, sha256=DIGEST) is None


# Known content


@pytest.mark.fault("S11")
def test_the_same_bytes_have_the_same_identity(server: MisbehavingServer, fetch: Fetching) -> None:
    first, again = fetch(server.url("/good")), fetch(server.url("/good"))
    assert first.origin.sha256 == again.origin.sha256 == DIGEST


@pytest.mark.fault("S11")
def test_what_is_known_of_another_source_is_not_asked_about(server: MisbehavingServer, fetch: Fetching) -> None:
    known = fetch(server.url("/marked")).origin
    with MisbehavingServer() as other:
        assert isinstance(fetch(other.url("/marked"), known=known), Snapshot)
        assert other.requests[0].headers["If-None-Match"] is None


@pytest.mark.fault("S11")
def test_an_address_with_a_hidden_part_is_always_fetched_whole(server: MisbehavingServer, fetch: Fetching) -> None:
    known = fetch(server.url("/marked?file=a")).origin
    assert known.shown == server.url("/marked?file=***")
    assert isinstance(fetch(server.url("/marked?file=b"), known=known), Snapshot)


@pytest.mark.fault("S18")
def test_one_fetch_reads_once_and_gives_the_bytes_that_its_digest_is_of(
    server: MisbehavingServer, fetch: Fetching
) -> None:
    found = fetch(server.url("/swapped"))
    assert server.times_asked("/swapped") == 1
    assert found.origin.sha256 == hashlib.sha256(found.content).hexdigest()
    assert found.content == TABLE + b"0\n"


# The fingerprint


@pytest.mark.fault("S11")
def test_a_fingerprint_tells_the_same_content_from_a_new_one(
    server: MisbehavingServer, file: Path, fetch: Fetching
) -> None:
    for address in (server.url("/good"), server.url("/marked"), str(file)):
        assert fingerprint(address) == DIGEST
        assert fingerprint(address, fetch(address).origin) == DIGEST
    known = fetch(str(file)).origin
    file.write_bytes(TABLE + b"1\n")
    assert fingerprint(str(file), known) == hashlib.sha256(TABLE + b"1\n").hexdigest()


def test_a_fingerprint_asks_a_marked_source_for_what_is_new_only(server: MisbehavingServer, fetch: Fetching) -> None:
    known = fetch(server.url("/marked")).origin
    assert fingerprint(server.url("/marked"), known) == DIGEST
    assert server.requests[-1].headers["If-None-Match"] == known.etag


@pytest.mark.parametrize("path", ["/status/503", "/hang", "/html"])
def test_a_fingerprint_that_fails_asks_once_and_raises(server: MisbehavingServer, path: str) -> None:
    with pytest.raises(SourceError):
        fingerprint(server.url(path))
    assert server.times_asked(path) == 1


def test_the_fingerprint_of_the_bundled_copy_is_its_digest() -> None:
    assert fingerprint("bundled") == hashlib.sha256(bundled.content()).hexdigest()


def test_the_fingerprint_of_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match="the file does not exist"):
        fingerprint(str(tmp_path / "missing"))
