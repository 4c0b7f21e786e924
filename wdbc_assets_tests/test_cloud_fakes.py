"""The fakes refuse a write whose condition does not hold; without that, the tests on them would show nothing."""

import http.client

import pytest

from wdbc_assets_tests.cloud_fakes import ACCOUNT, BUCKET, Azure, Fake, Google


def asked(port: int, method: str, path: str, headers: dict[str, str] | None = None) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, b"content", headers or {})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


@pytest.mark.parametrize(
    ("kind", "path", "new", "tag", "same", "statuses"),
    [
        (
            Google, f"/{BUCKET}/a", {"x-goog-if-generation-match": "0"}, "x-goog-generation",
            "x-goog-if-generation-match", (412, 412),
        ),
        (Azure, f"/{ACCOUNT}/{BUCKET}/a", {"If-None-Match": "*"}, "ETag", "If-Match", (409, 412)),
    ],
    ids=["gs", "az"],
)  # fmt: skip
def test_of_two_writes_on_the_same_condition_one_is_refused(
    kind: type[Fake], path: str, new: dict[str, str], tag: str, same: str, statuses: tuple[int, int]
) -> None:
    with kind.running() as server:
        port = server.server_port
        made = asked(port, "PUT", path, new)
        assert made.status in (200, 201)
        assert asked(port, "PUT", path, new).status == statuses[0]
        known = {same: made.headers[tag]}
        assert asked(port, "PUT", path, known).headers[tag] != made.headers[tag]
        assert asked(port, "PUT", path, known).status == statuses[1]
        assert server.refused == 2
        assert asked(port, "GET", path.replace(BUCKET, "other")).status == 404
