"""Comparison of JSON values, leaf by leaf."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wdbc_assets.verification.differences import ChangedValue, FileDifference, is_number

ABSENT = "absent"


def compare(file: str, stored: Any, derived: Any) -> FileDifference:
    """Compare two JSON trees."""
    changed = tuple(_changed(stored, derived, ""))
    if not changed:
        return FileDifference(file, "the same values in another notation", largest=0.0)
    relative = [value.relative for value in changed]
    numbers = [share for share in relative if share is not None]
    total = max(count(stored), count(derived))
    return FileDifference(
        file,
        f"{len(changed)} of {total} values",
        count=len(changed),
        changed=changed,
        largest=max(numbers) if len(numbers) == len(changed) else None,
    )


def count(value: Any) -> int:
    """Return the number of numbers in a JSON tree."""
    if isinstance(value, Mapping):
        return sum(count(item) for item in value.values())
    if isinstance(value, list):
        return sum(count(item) for item in value)
    return int(is_number(value))


def _changed(stored: Any, derived: Any, path: str) -> Iterator[ChangedValue]:
    if isinstance(stored, Mapping) and isinstance(derived, Mapping):
        for name in dict.fromkeys([*stored, *derived]):
            child = f"{path}.{name}" if path else str(name)
            yield from _changed(stored.get(name, ABSENT), derived.get(name, ABSENT), child)
    elif isinstance(stored, list) and isinstance(derived, list) and len(stored) == len(derived):
        for index, (before, after) in enumerate(zip(stored, derived, strict=True)):
            yield from _changed(before, after, f"{path}[{index}]")
    elif type(stored) is not type(derived) or stored != derived:
        yield ChangedValue(path, _summary(stored), _summary(derived))


def _summary(value: Any) -> Any:
    if isinstance(value, Mapping | Sequence) and not isinstance(value, str):
        return f"{len(value)} entries"
    return value
