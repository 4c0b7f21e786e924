"""Comparing tables, cell by cell. Cells may be patients' values: it is told where they differ, never what they hold."""

from typing import TYPE_CHECKING

from wdbc_assets.verification.differences import Difference

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SHOWN = 10
_OF_MANY = 3


def compare(
    file: str, stored: "pd.DataFrame", derived: "pd.DataFrame", *, first: int = 1, row: str = "row"
) -> Difference:
    """Compare two tables; `first` is the number of the first row, `row` what a row is called."""
    columns = [name for name in derived.columns if name in stored.columns]
    said = _columns(stored, derived)
    lost = len(stored) - len(derived)
    if lost and (gap := _gap(stored[columns], derived[columns])) is not None:
        start, end = gap + first, gap + first + abs(lost) - 1
        rows = f"{row} {start}" if start == end else f"{row}s {start} to {end}"
        return Difference(file, "; ".join([*said, f"{rows} {'lost' if lost > 0 else 'added'}"]))
    if lost:
        said.append(f"{len(stored)} {row}s -> {len(derived)}")
    length = min(len(stored), len(derived))
    differs = ~_same(stored[columns].iloc[:length], derived[columns].iloc[:length])
    found = int(differs.sum())
    where = [(int(place) + first, str(columns[at])) for place, at in _first(differs)]
    if found:
        cells = f"{found:,} of {differs.size:,} cells"
        said.append(cells if lost else f"{cells}: {_named(where, found, row)}")
    elif not said:
        return Difference(file, "no cell differs, but how they are written", largest=0.0)
    structure = bool(_columns(stored, derived)) or bool(lost)
    largest = None if structure else _largest(stored[columns], derived[columns], differs)
    return Difference(file, "; ".join(said), count=found, cells=tuple(where), largest=largest)


def _named(where: list[tuple[int, str]], found: int, row: str) -> str:
    """Name all cells if they are few, else the first, row by row."""
    shown = where if found <= SHOWN else where[:_OF_MANY]
    columns: dict[int, list[str]] = {}
    for number, name in shown:
        columns.setdefault(number, []).append(name)
    named = "; ".join(f"{row} {number}, column {', '.join(names)}" for number, names in columns.items())
    return named + (f"; and {found - len(shown):,} more" if found > len(shown) else "")


def _columns(stored: "pd.DataFrame", derived: "pd.DataFrame") -> list[str]:
    said = []
    for verb, names in (
        ("lost", [str(name) for name in stored.columns if name not in derived.columns]),
        ("added", [str(name) for name in derived.columns if name not in stored.columns]),
    ):
        if names:
            said.append(f"{verb} {len(names)} column{'s' if len(names) > 1 else ''}: {', '.join(names[:SHOWN])}")
    if not said:
        if list(stored.columns) != list(derived.columns):
            said.append("the columns stand in another order")
        retyped = [
            f"{name} {stored[name].dtype} -> {derived[name].dtype}"
            for name in derived.columns
            if stored[name].dtype != derived[name].dtype
        ]
        if retyped:
            said.append(f"types: {', '.join(retyped[:SHOWN])}")
    return said


def _same(stored: "pd.DataFrame", derived: "pd.DataFrame") -> "np.ndarray":
    """Return which cells are equal, n rows x columns; a missing cell equals a missing cell."""
    import numpy as np

    same = np.empty(stored.shape, dtype=bool)
    for place, name in enumerate(stored.columns):
        before, after = (table[name].reset_index(drop=True) for table in (stored, derived))
        equal = (before == after).fillna(value=False).to_numpy(dtype=bool)
        same[:, place] = equal | (before.isna() & after.isna()).to_numpy(dtype=bool)
    return same


def _gap(stored: "pd.DataFrame", derived: "pd.DataFrame") -> int | None:
    """Return before which position rows were lost or added, if that is the whole difference."""
    import numpy as np

    length = min(len(stored), len(derived))
    head = np.all(_same(stored.iloc[:length], derived.iloc[:length]), axis=1)
    tail = np.all(_same(stored.iloc[len(stored) - length :], derived.iloc[len(derived) - length :]), axis=1)
    leading = length if head.all() else int(head.argmin())
    return leading if tail[leading:].all() else None


def _first(differs: "np.ndarray") -> "np.ndarray":
    import numpy as np

    rows = np.flatnonzero(differs.any(axis=1))[:SHOWN]
    found = [(place, at) for place in rows for at in np.flatnonzero(differs[place])]
    return np.array(found[:SHOWN], dtype=np.int64).reshape(-1, 2)


def _largest(stored: "pd.DataFrame", derived: "pd.DataFrame", differs: "np.ndarray") -> float | None:
    """Return the largest relative difference, or None if not only numbers differ."""
    import numpy as np
    import pandas as pd

    largest = 0.0
    for place, name in enumerate(stored.columns):
        if not (rows := differs[:, place]).any():
            continue
        if not all(pd.api.types.is_numeric_dtype(table[name]) for table in (stored, derived)):
            return None
        before, after = (table[name].to_numpy(dtype=np.float64, na_value=np.nan)[rows] for table in (stored, derived))
        share = np.abs(after - before) / np.maximum(np.maximum(np.abs(before), np.abs(after)), np.finfo(float).tiny)
        if not np.isfinite(share).all():
            return None
        largest = max(largest, float(share.max()))
    return largest
