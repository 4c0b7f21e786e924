"""What is known of fetched bytes survives a manifest, and shows no content."""

import json
from typing import Any

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.sources import Origin, Snapshot
from wdbc_assets.sources.origin import Received

ORIGIN = Origin(shown="https://***@example.org/x", sha256="ab" * 32, bytes=3, etag='"e"', last_modified=None)


def test_an_origin_comes_back_from_json_as_it_was() -> None:
    assert Origin.from_json(json.loads(json.dumps(ORIGIN.to_json()))) == ORIGIN


def test_fields_of_a_newer_release_are_left_out() -> None:
    assert Origin.from_json({**ORIGIN.to_json(), "colour": "red"}) == ORIGIN


def test_marks_that_no_server_gave_may_be_missing() -> None:
    stored = {name: ORIGIN.to_json()[name] for name in ("shown", "sha256", "bytes")}
    assert Origin.from_json(stored).etag is None


@pytest.mark.parametrize(("name", "value"), [("shown", None), ("sha256", 1), ("bytes", "3"), ("etag", 1)])
def test_a_damaged_origin_is_refused_by_the_name_of_its_field(name: str, value: Any) -> None:
    with pytest.raises(WdbcError, match=f"no valid '{name}'"):
        Origin.from_json({**ORIGIN.to_json(), name: value})


def test_the_content_stands_in_no_representation() -> None:
    assert "842302" not in repr(Received(b"842302,M")) + repr(Snapshot(b"842302,M", ORIGIN))
