"""Objects of a bucket as sources, against moto's S3 server, and against a server that refuses and throttles."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import obstore
import pytest

from wdbc_assets import sources
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.sources import SourceRefused, SourceUnavailable, UnknownSource, cloud
from wdbc_assets_tests import builders, object_server
from wdbc_assets_tests.builders import csv, patient
from wdbc_assets_tests.sources.builders import Fetching, short

ADDRESS = "s3://bucket/tables/wdbc.data"
TABLE = builders.bundled_uci_bytes()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with object_server.running() as running:
        yield running


@pytest.fixture
def bucket(port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket with one object, and none when the test ends."""
    for name, value in object_server.settings(port).items():
        monkeypatch.setenv(name, value)
    store = cloud.opened(ADDRESS)
    obstore.put(store, "tables/wdbc.data", TABLE)
    yield store
    obstore.delete(store, [item["path"] for items in obstore.list(store) for item in items])


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = next(self.server.statuses)  # type: ignore[attr-defined]
        body = b"<Error><Code>SlowDown</Code><Message>canary</Message></Error>" if status != 200 else TABLE
        self.send_response(status)
        for name, value in (("Content-Length", str(len(body))), ("ETag", '"1"'), ("Last-Modified", _DATE)):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name is http.server's
        pass


_DATE = "Thu, 15 Jan 2026 12:00:00 GMT"


@contextlib.contextmanager
def answering(monkeypatch: pytest.MonkeyPatch, *statuses: int) -> Iterator[None]:
    """An object store that answers with these, the last one again and again."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        server.statuses = iter([*statuses, *[statuses[-1]] * 20])  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name, value in object_server.settings(server.server_port).items():
            monkeypatch.setenv(name, value)
        yield
        server.shutdown()


def test_an_object_is_read_whole(bucket: Any, fetch: Fetching) -> None:
    found = fetch(ADDRESS)
    assert found.content == TABLE
    assert found.origin.shown == ADDRESS
    assert sources.parse(ADDRESS).remote


@pytest.mark.fault("S11")
def test_an_object_with_the_known_etag_is_not_read_again(bucket: Any, fetch: Fetching) -> None:
    known = fetch(ADDRESS).origin
    assert fetch(ADDRESS, known=known) is None
    obstore.put(bucket, "tables/wdbc.data", TABLE + csv(patient(id=9000)))
    assert sources.parse(ADDRESS).fingerprint(known) != known.sha256
    obstore.put(bucket, "tables/wdbc.data", TABLE)
    assert sources.parse(ADDRESS).fingerprint(known) == known.sha256


@pytest.mark.fault("S19")
@pytest.mark.parametrize(
    ("address", "what"),
    [("s3://bucket/none", "object"), ("s3://nowhere/wdbc.data", "bucket"), ("s3://nowhere/tables/", "bucket")],
)
def test_what_is_missing_is_refused_immediately(bucket: Any, fetch: Fetching, address: str, what: str) -> None:
    with pytest.raises(SourceRefused, match=f"the {what} does not exist") as raised:
        fetch(address)
    assert raised.value.where == address
    assert fetch.waits.asked == []


@pytest.mark.fault("S07")
def test_an_object_that_is_too_large_is_refused(bucket: Any, fetch: Fetching) -> None:
    with pytest.raises(SourceRefused, match="larger than 100 bytes"):
        fetch(ADDRESS, short(largest_bytes=100))


@pytest.mark.fault("S19")
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("address", [ADDRESS, "s3://bucket/tables/"])
def test_wrong_credentials_are_refused_immediately(
    fetch: Fetching, monkeypatch: pytest.MonkeyPatch, status: int, address: str
) -> None:
    with answering(monkeypatch, status), pytest.raises(SourceRefused, match="these credentials have no") as raised:
        fetch(address)
    assert "AWS_*" in raised.value.hint
    assert "canary" not in f"{raised.value} {raised.value.__context__!r}"
    assert fetch.waits.asked == []


@pytest.mark.fault("S19")
def test_a_store_that_throttles_is_tried_again(fetch: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(monkeypatch, 503, 429, 500, 200):
        assert fetch(ADDRESS, short(total_seconds=60)).content == TABLE
    assert [line.partition("failed: ")[2].partition(";")[0] for line in fetch.reported] == [
        "the object store throttles its clients (503 Service Unavailable)",
        "the object store throttles its clients (429 Too Many Requests)",
        "the object store failed (500 Internal Server Error)",
    ]
    with answering(monkeypatch, 503), pytest.raises(SourceUnavailable, match=r"throttles .* \(4 attempts"):
        fetch(ADDRESS, short(total_seconds=60))


@pytest.mark.fault("S19")
@pytest.mark.fault("S01")
def test_a_store_that_is_away_is_unavailable(
    bucket: Any, fetch: Fetching, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed_port}")
    with pytest.raises(SourceUnavailable, match=r"the object store failed \(no answer\) \(4 attempts"):
        fetch(ADDRESS, short(total_seconds=60))


def test_a_folder_of_objects_is_one_table(bucket: Any, fetch: Fetching) -> None:
    obstore.put(bucket, "tables/x.csv", csv(patient(id=9000), header=True))
    obstore.put(bucket, "tables/_SUCCESS", b"")
    obstore.put(bucket, "tables2/y.csv", b"not of this folder")
    found = fetch("s3://bucket/tables/")
    assert found.origin.files == (("wdbc.data", 569), ("x.csv", 1))
    assert fetch("s3://bucket/tables/", known=found.origin) is None
    obstore.put(bucket, "tables/x.csv", csv(patient(id=9001), header=True))
    assert fetch("s3://bucket/tables/", known=found.origin).content.splitlines()[-1].startswith(b"9001,")


def test_a_large_folder_of_objects_is_in_a_file(
    bucket: Any, fetch: Fetching, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    obstore.put(bucket, "tables/x.csv", csv(patient(id=9000), header=True))
    held, filed = fetch("s3://bucket/tables/"), fetch("s3://bucket/tables/", short(rows_in_memory=569))
    assert filed.content.read() == held.content
    assert filed.origin == held.origin
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(WdbcError, match="a temporary file cannot be written"):
        fetch("s3://bucket/tables/", short(rows_in_memory=569))
    assert fetch.waits.asked == []


@pytest.mark.fault("S18")
def test_a_folder_that_changes_during_the_read_is_read_again(
    bucket: Any, fetch: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, changes = obstore.get, iter(range(1))

    def interrupted(store: Any, path: str, **options: Any) -> Any:
        if next(changes, None) is not None:
            obstore.put(bucket, path, csv(patient(id=9002)))
        return original(store, path, **options)

    monkeypatch.setattr(obstore, "get", interrupted)
    assert fetch("s3://bucket/tables/").origin.files == (("wdbc.data", 1),)
    assert "the folder changed while it was read" in fetch.reported[0]


@pytest.mark.fault("S15")
def test_an_empty_folder_and_a_folder_in_a_folder_are_refused(bucket: Any, fetch: Fetching) -> None:
    with pytest.raises(SourceRefused, match="the folder holds no table"):
        fetch("s3://bucket/nothing/")
    obstore.put(bucket, "tables/inner/x.csv", csv(patient(id=9000)))
    with pytest.raises(SourceRefused, match="a folder of tables holds a folder") as raised:
        fetch("s3://bucket/tables/")
    assert raised.value.where == "s3://bucket/tables/inner/"


@pytest.mark.fault("S17")
def test_a_missing_package_and_a_missing_setting_are_named(fetch: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceRefused, match=r"the address or its settings are refused: .*Account must be specified"):
        fetch("az://container/wdbc.data")
    for name in ("obstore", "obstore.store", "obstore.exceptions"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(SourceRefused, match="the package obstore is not installed") as raised:
        fetch(ADDRESS)
    assert raised.value.hint == 'Install the extra: pip install "wdbc_assets[cloud]".'


@pytest.mark.fault("S17")
@pytest.mark.parametrize(
    "address", ["s3://bucket", "s3:///wdbc.data", "s3://key:sesame@bucket/x", "s3://bucket/x?versionId=sesame"]
)
def test_an_address_without_a_name_or_with_more_than_that_is_refused(address: str) -> None:
    with pytest.raises(UnknownSource) as raised:
        sources.parse(address)
    assert "sesame" not in str(raised.value)
