"""The JSON files of a bundle, altered field by field: each is refused in words, or served whole."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.serving.models.reference_range import ReferenceRange
from wdbc_assets.store import bundle_loader
from wdbc_assets_tests import champions

FILES = ("bundle.json", "scorer.json", "policy.json", "reference.json")
DROPPED = object()
VALUES: dict[str, Callable[[Any], Any]] = {
    "dropped": lambda _: DROPPED,
    "null": lambda _: None,
    "a text": lambda _: "text",
    "an empty text": lambda _: "",
    "its text": str,
    "a truth": lambda _: True,
    "a list": lambda value: [value],
    "an empty list": lambda _: [],
    "an object": lambda value: {"value": value},
    "an empty object": lambda _: {},
    "huge": lambda _: 10**400,
    "very large": lambda _: 1e308,
    "negative": lambda _: -1,
    "deep": lambda value: json.loads("[" * 90 + "]" * 90) if value is not None else value,
    "NaN": lambda _: float("nan"),
    "infinity": lambda _: float("inf"),
}


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every field, of a list to the first and last item alone."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, item in value.items():
            yield from paths(item, (*path, name))
    elif isinstance(value, list) and value:
        for place in {0, len(value) - 1}:
            yield from paths(value[place], (*path, place))


def with_value(content: bytes, path: tuple[Any, ...], change: Callable[[Any], Any]) -> bytes:
    plain = json.loads(content)
    holder = plain
    for key in path[:-1]:
        holder = holder[key]
    value = change(holder[path[-1]])
    if value is DROPPED:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return json.dumps(plain).encode()


def answer(files: dict[str, bytes]) -> None:
    """Do what the service and `wdbc predict` do with a bundle."""
    served = bundle_loader.open_bundle(files)
    X = champions.split().X_test.to_numpy()
    p = served.probabilities(X)
    assert np.isfinite(p).all()
    served.triage(p)
    served.above_threshold(p)
    served.contributions(X)
    ReferenceRange.from_bundle(served).outside(X)
    assert served.policy.threshold > 0
    assert all(isinstance(version, str) for version in served.versions.values())


@pytest.mark.fault("V08")
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", VALUES)
def test_any_field_altered_is_refused_in_words_or_served_whole(name: str, kind: str) -> None:
    files = champions.files()
    refused = 0
    for path in paths(json.loads(files[name])):
        altered = with_value(files[name], path, VALUES[kind])
        try:
            answer({**files, name: altered})
        except WdbcError as error:
            refused += 1
            assert error.what.isprintable(), path  # noqa: PT017 -- what is not refused is no failure here
            assert len(error.what) < 400, path  # noqa: PT017 -- likewise
    assert refused, "nothing was refused: the test alters nothing"


@pytest.mark.fault("V08")
@pytest.mark.parametrize("name", FILES)
def test_a_field_that_is_missing_or_unknown_is_refused_everywhere(name: str) -> None:
    files = champions.files()
    plain = json.loads(files[name])
    for path in paths(plain):
        if isinstance(path[-1], str) and path[0] not in ("winner", "winner_log_loss", "versions"):
            with pytest.raises(WdbcError):
                bundle_loader.open_bundle({**files, name: with_value(files[name], path, VALUES["dropped"])})
    with pytest.raises(WdbcError, match=r"the bundle's \w+\.json is invalid: "):
        bundle_loader.open_bundle({**files, name: json.dumps({**plain, "\x1b[31mmore\n": 1}).encode()})


@pytest.mark.fault("V08")
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.decode().encode("utf-16"), "not UTF-8"),
        (
            lambda content: content.replace(b"{", b'{"recipe": "logistic", "recipe": "svc", ', 1),
            "duplicate field names",
        ),
        (lambda content: b"[" * 100_000, "nested deeper|not JSON"),
        (lambda content: b'{"a":' * 100_000, "nested deeper|not JSON"),
        (lambda content: content + b" " * 5 * 2**20, "too large"),
        (lambda content: content.replace(b": ", b": NaN, ", 1), "not finite"),
        (lambda content: b"7", "not an object"),
    ],
    ids=["UTF-16", "a name twice", "deep", "deep objects", "blanks", "NaN", "a number"],
)
def test_what_is_no_plain_json_object_is_refused(name: str, change: Callable[[bytes], bytes], message: str) -> None:
    files = champions.files()
    with pytest.raises(WdbcError, match=message):
        bundle_loader.open_bundle({**files, name: change(files[name])})
