"""What the client makes of statuses, redirects, and content that is known already."""

from urllib.parse import quote

import pytest

from wdbc_assets.sources import Snapshot, SourceRefused, SourceUnavailable
from wdbc_assets_tests.misbehaving_server import (
    ETAG,
    LAST_MODIFIED,
    PASSWORD,
    TABLE,
    USER,
    MisbehavingServer,
)
from wdbc_assets_tests.sources.builders import Fetching, short

USER_INFO = f"{USER}:{quote(PASSWORD, safe='')}"


# Statuses


@pytest.mark.fault("S03")
@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 429])
def test_a_transient_status_is_tried_again(server: MisbehavingServer, fetch: Fetching, status: int) -> None:
    path = f"/status/{status}"
    with pytest.raises(SourceUnavailable, match=rf"the server answered {status} [\w -]+ \(4 attempts"):
        fetch(server.url(path))
    assert server.times_asked(path) == 4
    assert fetch.waits.asked == [0.5, 1.0, 2.0]


@pytest.mark.fault("S04")
@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 418, 451, 501, 204, 206, 300, 304, 799])
def test_any_other_status_fails_at_once(server: MisbehavingServer, fetch: Fetching, status: int) -> None:
    path = f"/status/{status}"
    with pytest.raises(SourceRefused, match=f"the server answered {status} ") as raised:
        fetch(server.url(path))
    assert raised.value.where == server.url(path)
    assert raised.value.hint
    assert server.times_asked(path) == 1
    assert fetch.waits.asked == []


@pytest.mark.fault("S12")
def test_busy_twice_and_then_good_gives_one_table_and_a_line_for_each_try(
    server: MisbehavingServer, fetch: Fetching
) -> None:
    assert fetch(server.url("/busy/2")).content == TABLE
    assert server.times_asked("/busy/2") == 3
    assert fetch.reported == [
        "attempt 1 of 4 failed: the server answered 503 Service Unavailable; retrying in 0.5 s",
        "attempt 2 of 4 failed: the server answered 503 Service Unavailable; retrying in 1.0 s",
    ]


@pytest.mark.fault("S03")
@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7", 7.0),
        ("Thu, 15 Jan 2026 12:00:09 GMT", 9.0),
        ("Thu, 15 Jan 2026 11:00:00 GMT", 0.5),
        ("0", 0.5),
        ("86400", 15.0),
        ("9" * 5000, 15.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 15.0),
        ("soon", 0.5),
        ("-5", 0.5),
    ],
)
def test_the_wait_that_a_server_asks_for_is_honoured_up_to_a_bound(
    server: MisbehavingServer, fetch: Fetching, header: str, wait: float
) -> None:
    assert fetch(server.url(f"/retry-after/{quote(header)}"), short(total_seconds=60)).content == TABLE
    assert fetch.waits.asked == [wait]


@pytest.mark.fault("S03")
def test_a_wait_beyond_the_total_time_is_not_begun(server: MisbehavingServer, fetch: Fetching) -> None:
    with pytest.raises(SourceUnavailable, match=r"503 Service Unavailable \(1 attempt in "):
        fetch(server.url("/retry-after/10"), short(total_seconds=5))
    assert fetch.waits.asked == []


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(server: MisbehavingServer, fetch: Fetching, status: int) -> None:
    found = fetch(server.url(f"/redirect/{status}?/good"))
    assert found.content == TABLE
    assert found.origin.shown == server.url(f"/redirect/{status}?***")


@pytest.mark.fault("S08")
def test_a_redirect_loop_is_refused(server: MisbehavingServer, fetch: Fetching) -> None:
    with pytest.raises(SourceRefused, match="the server redirects more than 5 times"):
        fetch(server.url("/loop"))
    assert server.times_asked("/loop") == 6
    assert fetch.waits.asked == []


@pytest.mark.fault("S08")
@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://127.0.0.1/wdbc.data", "javascript:alert(1)"])
def test_a_redirect_to_anything_but_http_is_refused(server: MisbehavingServer, fetch: Fetching, to: str) -> None:
    with pytest.raises(SourceRefused, match=f"the server redirects to {to.partition(':')[0]}:, which is not supported"):
        fetch(server.url(f"/redirect?{quote(to)}"))
    assert len(server.requests) == 1


@pytest.mark.fault("S08")
@pytest.mark.parametrize("to", ["http://127.0.0.1:99999/", "http://[bad/"])
def test_a_redirect_to_what_is_no_url_is_refused(server: MisbehavingServer, fetch: Fetching, to: str) -> None:
    with pytest.raises(SourceRefused, match="the URL is not valid"):
        fetch(server.url(f"/redirect?{quote(to)}"))


def test_a_redirect_without_a_target_is_refused(server: MisbehavingServer, fetch: Fetching) -> None:
    with pytest.raises(SourceRefused, match="the server answered 302 Found"):
        fetch(server.url("/redirect"))


@pytest.mark.fault("S07")
@pytest.mark.fault("S08")
def test_the_body_of_a_redirect_is_not_read(server: MisbehavingServer, fetch: Fetching) -> None:
    assert fetch(server.url("/endless-redirect"), short(largest_bytes=len(TABLE))).content == TABLE


@pytest.mark.fault("S08")
@pytest.mark.fault("S16")
def test_credentials_are_sent_to_the_named_server_only(server: MisbehavingServer, fetch: Fetching) -> None:
    with MisbehavingServer() as other:
        elsewhere = server.url(f"/redirect?{quote(other.url('/good'))}", user_info=USER_INFO)
        assert fetch(elsewhere).content == TABLE
        assert server.requests[0].headers["Authorization"]
        assert other.requests[0].headers["Authorization"] is None
    assert fetch(server.url("/redirect?/private", user_info=USER_INFO)).content == TABLE


@pytest.mark.fault("S16")
def test_user_and_password_of_the_url_are_used(server: MisbehavingServer, fetch: Fetching) -> None:
    assert fetch(server.url("/private", user_info=USER_INFO)).content == TABLE
    with pytest.raises(SourceRefused, match="401 Unauthorized") as raised:
        fetch(server.url("/private"))
    assert "https://user:password@host/" in raised.value.hint


@pytest.mark.fault("S16")
def test_the_query_of_the_url_is_sent_as_it_is(server: MisbehavingServer, fetch: Fetching) -> None:
    fetch(server.url("/good?token=a%2Fb&x=1"))
    assert server.times_asked("/good?token=a%2Fb&x=1") == 1


# Content that is known already


@pytest.mark.fault("S11")
@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/marked", {"If-None-Match": ETAG, "If-Modified-Since": LAST_MODIFIED}),
        ("/dated", {"If-None-Match": None, "If-Modified-Since": LAST_MODIFIED}),
    ],
)
def test_known_content_is_asked_for_conditionally_and_not_sent_again(
    server: MisbehavingServer, fetch: Fetching, path: str, headers: dict[str, str | None]
) -> None:
    first = fetch(server.url(path))
    assert isinstance(first, Snapshot)
    assert fetch(server.url(path), known=first.origin) is None
    assert {name: server.requests[1].headers[name] for name in headers} == headers


@pytest.mark.fault("S11")
def test_changed_content_is_sent_though_other_content_is_known(server: MisbehavingServer, fetch: Fetching) -> None:
    first = fetch(server.url("/swapped"))
    again = fetch(server.url("/swapped"), known=first.origin)
    assert isinstance(again, Snapshot)
    assert again.origin.sha256 != first.origin.sha256


@pytest.mark.fault("S11")
def test_an_answer_304_that_was_not_asked_for_is_refused(server: MisbehavingServer, fetch: Fetching) -> None:
    unmarked = fetch(server.url("/good")).origin
    with pytest.raises(SourceRefused, match="the server answered 304 Not Modified"):
        fetch(server.url("/status/304"), known=unmarked)
