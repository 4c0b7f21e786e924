"""Bodies that are compressed, cut, damaged, or too large."""

import tracemalloc

import pytest

from wdbc_assets.sources import SourceRefused, SourceUnavailable
from wdbc_assets_tests.misbehaving_server import BOMB_BYTES, TABLE, MisbehavingServer, gzip_bomb_body
from wdbc_assets_tests.sources.builders import Fetching, short

MEGABYTE = 2**20


@pytest.mark.parametrize("path", ["/good", "/chunked", "/gzipped", "/gzipped-in-two", "/encoded/identity"])
def test_a_whole_table_arrives_byte_for_byte(server: MisbehavingServer, fetch: Fetching, path: str) -> None:
    found = fetch(server.url(path))
    assert found.content == TABLE
    assert found.origin.bytes == len(TABLE)
    assert fetch.reported == []


@pytest.mark.fault("S06")
def test_a_gzip_body_that_was_cut_short_is_tried_again_and_refused(server: MisbehavingServer, fetch: Fetching) -> None:
    with pytest.raises(SourceUnavailable, match=r"the response is truncated: its gzip data does not end \(4 attempts"):
        fetch(server.url("/gzip-cut"))
    assert server.times_asked("/gzip-cut") == 4


@pytest.mark.fault("S06")
def test_a_gzip_body_that_fails_its_checksum_is_refused(server: MisbehavingServer, fetch: Fetching) -> None:
    with pytest.raises(SourceUnavailable, match="the gzip data of the response is damaged"):
        fetch(server.url("/gzip-damaged"))


def test_a_compression_that_was_not_asked_for_is_refused(server: MisbehavingServer, fetch: Fetching) -> None:
    with pytest.raises(SourceRefused, match="has a compression that was not requested"):
        fetch(server.url("/encoded/br"))
    assert server.requests[0].headers["Accept-Encoding"] == "gzip"


@pytest.mark.fault("S07")
@pytest.mark.parametrize("path", ["/endless", "/gzip-bomb"])
def test_a_body_without_end_is_refused_at_once_and_memory_stays_flat(
    server: MisbehavingServer, fetch: Fetching, path: str
) -> None:
    assert len(gzip_bomb_body()) < MEGABYTE < BOMB_BYTES // 50  # made before memory is measured
    fetch(server.url("/good"))  # likewise what is imported
    tracemalloc.start()
    try:
        with pytest.raises(SourceRefused, match="the content is larger than 1,048,576 bytes"):
            fetch(server.url(path), short(largest_bytes=MEGABYTE))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * MEGABYTE
    assert server.times_asked(path) == 1


@pytest.mark.fault("S07")
def test_the_size_limit_lets_exactly_its_number_of_bytes_pass(server: MisbehavingServer, fetch: Fetching) -> None:
    assert fetch(server.url("/gzipped"), short(largest_bytes=len(TABLE))).content == TABLE
    with pytest.raises(SourceRefused, match="is larger than"):
        fetch(server.url("/gzipped"), short(largest_bytes=len(TABLE) - 1))
