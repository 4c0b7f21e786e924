"""Comparing plain values, leaf by leaf."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wdbc_assets.verification.differences import Difference, Figure, is_number

ABSENT = "absent"


def compare(file: str, stored: Any, derived: Any) -> Difference:
    """Compare two trees of plain values, as JSON knows them."""
    moved = tuple(_moved(stored, derived, ""))
    if not moved:
        return Difference(file, "the same values, written otherwise", largest=0.0)
    relative = [figure.relative for figure in moved]
    numbers = [share for share in relative if share is not None]
    total = max(count(stored), count(derived))
    return Difference(
        file,
        f"{len(moved)} of {total} figures",
        count=len(moved),
        figures=moved,
        largest=max(numbers) if len(numbers) == len(moved) else None,
    )


def count(value: Any) -> int:
    """Return how many numbers a tree of plain values holds."""
    if isinstance(value, Mapping):
        return sum(count(item) for item in value.values())
    if isinstance(value, list):
        return sum(count(item) for item in value)
    return int(is_number(value))


def _moved(stored: Any, derived: Any, path: str) -> Iterator[Figure]:
    if isinstance(stored, Mapping) and isinstance(derived, Mapping):
        for name in dict.fromkeys([*stored, *derived]):
            below = f"{path}.{name}" if path else str(name)
            yield from _moved(stored.get(name, ABSENT), derived.get(name, ABSENT), below)
    elif isinstance(stored, list) and isinstance(derived, list) and len(stored) == len(derived):
        for place, (before, after) in enumerate(zip(stored, derived, strict=True)):
            yield from _moved(before, after, f"{path}[{place}]")
    elif type(stored) is not type(derived) or stored != derived:
        yield Figure(path, _shown(stored), _shown(derived))


def _shown(value: Any) -> Any:
    if isinstance(value, Mapping | Sequence) and not isinstance(value, str):
        return f"{len(value)} entries"
    return value
