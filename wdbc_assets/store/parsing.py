"""Parse everything read from the store: bytes to plain JSON values, plain values to a dataclass, or an error.

Files on a disk may come from anybody. `decode` accepts strict UTF-8 JSON of bounded size and depth, without duplicate
keys, NaN or infinity; `build` checks the type of every field. After both, code can rely on the annotations. `plain` is
the inverse of `build`.

A dataclass is a JSON object with its fields in their order. A field may state in its `metadata` another `key`, or that
it is `omitted` if it has its default.
"""

import hashlib
import json
import math
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

from wdbc_assets.domain.errors import WdbcError

MOST_BYTES = 16 * 1024**2
"""Far more than any document of the store: the largest have about 100 kB."""

T = TypeVar("T")

_MOST_LEVELS = 50
_LARGEST_INTEGER = 2**63 - 1


class DamagedStore(WdbcError):
    """Something stored was altered or is missing."""


class UnsupportedFormat(WdbcError):
    """The store was written in a format that this release does not read."""


class Malformed(ValueError):
    """A document is not JSON, or does not match its type. The text contains no value, which may be a patient's."""


def decode(content: bytes) -> Any:
    """Return the plain values of a JSON document.

    Raises:
        Malformed: it is not JSON, or not JSON that this program writes.
    """
    if len(content) > MOST_BYTES:
        raise Malformed(f"it has {len(content):,} bytes, more than the limit of {MOST_BYTES:,}")
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except Malformed:
        raise
    except RecursionError:
        raise Malformed(f"it is nested deeper than {_MOST_LEVELS} levels") from None
    except UnicodeDecodeError:
        raise Malformed("it is not UTF-8") from None
    except ValueError:
        raise Malformed("it is not JSON") from None
    _require_plain(value)
    return value


def build(kind: type[T], value: Any) -> T:
    """Return a dataclass from a JSON object, with every field checked against its annotation.

    A field that already holds a dataclass is accepted unchanged.

    Raises:
        Malformed: a field is missing, unknown, or of another type.
    """
    result: T = _converted(kind, value, kind.__name__)
    return result


def plain(value: Any) -> Any:
    """Return a dataclass as a JSON object, and other values with the dataclasses in them replaced."""
    if is_dataclass(value):
        pairs = ((entry, getattr(value, entry.name)) for entry in fields(value))
        return {
            _key(entry): plain(item)
            for entry, item in pairs
            if "omitted" not in entry.metadata or item != entry.default
        }
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def digest(value: Any) -> str:
    """Return the SHA-256 of a plain value's JSON with sorted keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def read(kind: type[T], content: bytes) -> T:
    """Return a dataclass from the bytes of a JSON object. See `decode` and `build`."""
    return build(kind, decode(content))


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) != len(pairs):
        raise Malformed("it has duplicate field names")
    return plain


def _no_constant(_name: str) -> Any:
    raise Malformed("it has a number that is not finite")


def _require_plain(value: Any) -> None:
    """Reject valid JSON that no writer writes. Iterative, because recursion has limits of its own."""
    level: list[Any] = [value]
    for _ in range(_MOST_LEVELS):
        if not level:
            return
        for item in level:
            if isinstance(item, float) and not math.isfinite(item):
                raise Malformed("it has a number that is not finite")
            if isinstance(item, str) and not _is_text(item):
                raise Malformed("it has a lone surrogate, which is not a character")
        level = [item for below in level for item in _items(below)]
    raise Malformed(f"it is nested deeper than {_MOST_LEVELS} levels")


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else ()


def _is_text(value: str) -> bool:
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


# Types


def _converted(kind: Any, value: Any, name: str) -> Any:
    origin = typing.get_origin(kind)
    if kind is Any:
        return value
    if origin in (types.UnionType, typing.Union):
        return _one_of(typing.get_args(kind), value, name)
    if origin is typing.Literal and value in typing.get_args(kind):
        return value
    if isinstance(origin, type):
        return _container(origin, typing.get_args(kind), value, name)
    if is_dataclass(kind):
        return value if type(value) is kind else _fields(kind, value, name)
    return _scalar(kind, value, name)


def _one_of(kinds: Iterable[Any], value: Any, name: str) -> Any:
    error = Malformed(f"{name} has the wrong type")
    for kind in kinds:
        try:
            return _converted(kind, value, name)
        except Malformed as other:
            error = other
    raise error


def _container(origin: Any, kinds: tuple[Any, ...], value: Any, name: str) -> Any:
    if issubclass(origin, Mapping) and isinstance(value, dict):
        return {key: _converted(kinds[1], item, f"{name}.*") for key, item in value.items()}
    if origin in (list, tuple) and isinstance(value, list):
        if origin is list or kinds[-1] is Ellipsis:
            kinds = (kinds[0],) * len(value)
        if len(kinds) != len(value):
            raise Malformed(f"{name} has {len(value)} items instead of {len(kinds)}")
        return origin(_converted(kind, item, f"{name}[]") for kind, item in zip(kinds, value, strict=True))
    raise Malformed(f"{name} has the wrong type")


def _scalar(kind: Any, value: Any, name: str) -> Any:
    accepted = (int, float) if kind is float else (kind,)
    if type(value) not in accepted:  # not isinstance: True is not a number here
        raise Malformed(f"{name} has the wrong type")
    if type(value) is int and abs(value) > _LARGEST_INTEGER:
        raise Malformed(f"{name} exceeds 64 bits")
    return value


def _fields(kind: Any, value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        raise Malformed(f"{name} is not a JSON object")
    entries = _entries(kind)
    if unknown := set(value) - set(entries):
        raise Malformed(f"{name} has {len(unknown)} unknown fields")
    for key, (entry, _) in entries.items():
        if key not in value and entry.default is MISSING and entry.default_factory is MISSING:
            raise Malformed(f"{name} lacks the field {key}")
    return kind(
        **{
            entry.name: _converted(hint, value[key], f"{name}.{key}")
            for key, (entry, hint) in entries.items()
            if key in value
        }
    )


@cache
def _entries(kind: Any) -> dict[str, tuple[Field[Any], Any]]:
    hints = typing.get_type_hints(kind)
    return {_key(entry): (entry, hints[entry.name]) for entry in fields(kind)}


def _key(entry: Field[Any]) -> str:
    return str(entry.metadata.get("key", entry.name))
