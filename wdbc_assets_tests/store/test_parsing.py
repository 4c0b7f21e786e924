"""The parser of all that is read from the store: strict bytes, plain values, types."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from wdbc_assets.store import parsing
from wdbc_assets.store.parsing import Malformed


@dataclass(frozen=True)
class Inner:
    size: int


@dataclass(frozen=True)
class Document:
    name: str
    share: float
    rows: int | None
    inner: dict[str, Inner]
    tags: list[str] = field(default_factory=list)
    any: Any = None


SOUND = {"name": "n", "share": 0.5, "rows": None, "inner": {"a": {"size": 1}}, "tags": ["x"], "any": [1, {"b": None}]}


def test_a_document_becomes_its_type() -> None:
    expected = Document("n", 0.5, None, {"a": Inner(1)}, ["x"], [1, {"b": None}])
    assert parsing.read(Document, json.dumps(SOUND).encode()) == expected
    least = {"name": "", "share": 1, "rows": 3, "inner": {}}
    assert parsing.build(Document, least) == Document("", 1, 3, {})


@pytest.mark.fault("F13")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": 1}, "Document.name has the wrong type"),
        ({"share": "0.5"}, "Document.share has the wrong type"),
        ({"share": True}, "Document.share has the wrong type"),
        ({"rows": 1.0}, "Document.rows has the wrong type"),
        ({"inner": {"a": {"size": 2**63}}}, "exceeds 64 bits"),
        ({"inner": []}, "Document.inner has the wrong type"),
        ({"inner": {"a": {"size": None}}}, "size has the wrong type"),
        ({"inner": {"a": {}}}, "lacks the field size"),
        ({"tags": [1]}, "has the wrong type"),
        ({"more": 1}, "1 unknown fields"),
    ],
)
def test_a_field_of_another_type_is_named(change: dict[str, object], said: str) -> None:
    with pytest.raises(Malformed, match=said):
        parsing.build(Document, SOUND | change)


@dataclass(frozen=True)
class Figure:
    """A field with another name in JSON, one that is left out if it is None, and types with few values."""

    method: Literal["wilson", "bootstrap"] = field(metadata={"key": "interval"})
    pair: tuple[int, float]
    many: tuple[int, ...] = ()
    reason: str | None = field(default=None, metadata={"omitted": True})


@pytest.mark.parametrize("figure", [Figure("wilson", (1, 0.5)), Figure("bootstrap", (2, 1.5), (1, 2, 3), "few rows")])
def test_plain_is_the_inverse_of_build_and_keeps_the_order_of_the_fields(figure: Figure) -> None:
    plain = parsing.plain({"figures": [figure]})["figures"][0]
    assert list(plain) == ["interval", "pair", "many", "reason"][: 3 + bool(figure.reason)]
    assert parsing.read(Figure, json.dumps(plain).encode()) == figure


@pytest.mark.fault("F13")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"interval": "normal"}, "Figure.interval has the wrong type"),
        ({"interval": ["wilson"]}, "Figure.interval has the wrong type"),
        ({"method": "wilson"}, "1 unknown fields"),
        ({"pair": [1, 0.5, 2]}, "Figure.pair has 3 items instead of 2"),
        ({"pair": [0.5, 1]}, "has the wrong type"),
        ({"many": 1}, "Figure.many has the wrong type"),
    ],
)
def test_a_figure_of_another_type_is_named(change: dict[str, object], said: str) -> None:
    with pytest.raises(Malformed, match=said):
        parsing.build(Figure, {"interval": "wilson", "pair": [1, 0.5]} | change)


@pytest.mark.fault("F13")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"\0" * 20, "not JSON"),
        (b"{", "not JSON"),
        ("{}".encode("utf-16"), "not UTF-8"),
        (b'{"a": 1, "a": 1}', "duplicate field names"),
        (b"[NaN]", "not finite"),
        (b"[-Infinity]", "not finite"),
        (b"[1e999]", "not finite"),
        (b'["\\ud800"]', "surrogate"),
        (b'{"\\udc00": 1}', "surrogate"),
        (b"[" * 60 + b"]" * 60, "nested deeper"),
        (b"[" * 100_000 + b"]" * 100_000, "nested deeper"),
        (b"1" * 5000, "not JSON"),
        (b" " * (parsing.MOST_BYTES + 1), "bytes"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_bytes_that_no_writer_writes_are_refused(content: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        parsing.decode(content)


@pytest.mark.parametrize("ascii_only", [True, False])
def test_what_a_writer_writes_is_read(*, ascii_only: bool) -> None:
    written = ["\U0001f600 \u00e4", 2**70, -0.0]
    assert parsing.decode(json.dumps(written, ensure_ascii=ascii_only).encode()) == written
