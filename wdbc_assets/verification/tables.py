"""Comparison of tables, cell by cell. Reports positions only, because cells may hold patients' values."""

from typing import TYPE_CHECKING

from wdbc_assets.verification.differences import FileDifference

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SHOWN = 10
_SHOWN_OF_MANY = 3


def compare(
    file: str, stored: "pd.DataFrame", derived: "pd.DataFrame", *, first: int = 1, row: str = "row"
) -> FileDifference:
    """Compare two tables.

    Args:
        file: Name of the file.
        stored: The stored table.
        derived: The derived table.
        first: Number of the first row.
        row: The word for a row, such as "line".
    """
    columns = [name for name in derived.columns if name in stored.columns]
    phrases = _column_changes(stored, derived)
    lost = len(stored) - len(derived)
    if lost and (gap := _gap(stored[columns], derived[columns])) is not None:
        start, end = gap + first, gap + first + abs(lost) - 1
        rows = f"{row} {start}" if start == end else f"{row}s {start} to {end}"
        return FileDifference(file, "; ".join([*phrases, f"{rows} {'lost' if lost > 0 else 'added'}"]))
    if lost:
        phrases.append(f"{len(stored)} {row}s -> {len(derived)}")
    length = min(len(stored), len(derived))
    differs = ~_same(stored[columns].iloc[:length], derived[columns].iloc[:length])
    count = int(differs.sum())
    positions = [(int(index) + first, str(columns[column])) for index, column in _first(differs)]
    if count:
        cells = f"{count:,} of {differs.size:,} cells"
        phrases.append(cells if lost else f"{cells}: {_list_cells(positions, count, row)}")
    elif not phrases:
        return FileDifference(file, "no cell differs, but the encoding does", largest=0.0)
    structure = bool(_column_changes(stored, derived)) or bool(lost)
    largest = None if structure else _largest(stored[columns], derived[columns], differs)
    return FileDifference(file, "; ".join(phrases), count=count, cells=tuple(positions), largest=largest)


def _list_cells(positions: list[tuple[int, str]], count: int, row: str) -> str:
    """List all cells if they are few, else the first ones, row by row."""
    shown = positions if count <= SHOWN else positions[:_SHOWN_OF_MANY]
    columns: dict[int, list[str]] = {}
    for number, name in shown:
        columns.setdefault(number, []).append(name)
    cells = "; ".join(f"{row} {number}, column {', '.join(names)}" for number, names in columns.items())
    return cells + (f"; and {count - len(shown):,} more" if count > len(shown) else "")


def _column_changes(stored: "pd.DataFrame", derived: "pd.DataFrame") -> list[str]:
    phrases = []
    for verb, names in (
        ("lost", [str(name) for name in stored.columns if name not in derived.columns]),
        ("added", [str(name) for name in derived.columns if name not in stored.columns]),
    ):
        if names:
            phrases.append(f"{verb} {len(names)} column{'s' if len(names) > 1 else ''}: {', '.join(names[:SHOWN])}")
    if not phrases:
        if list(stored.columns) != list(derived.columns):
            phrases.append("the columns are in a different order")
        retyped = [
            f"{name} {stored[name].dtype} -> {derived[name].dtype}"
            for name in derived.columns
            if stored[name].dtype != derived[name].dtype
        ]
        if retyped:
            phrases.append(f"types: {', '.join(retyped[:SHOWN])}")
    return phrases


def _same(stored: "pd.DataFrame", derived: "pd.DataFrame") -> "np.ndarray":
    """Return a mask of equal cells, shape (rows, columns). Two missing cells are equal."""
    import numpy as np

    same = np.empty(stored.shape, dtype=bool)
    for column, name in enumerate(stored.columns):
        before, after = (table[name].reset_index(drop=True) for table in (stored, derived))
        equal = (before == after).fillna(value=False).to_numpy(dtype=bool)
        same[:, column] = equal | (before.isna() & after.isna()).to_numpy(dtype=bool)
    return same


def _gap(stored: "pd.DataFrame", derived: "pd.DataFrame") -> int | None:
    """Return the position at which rows were lost or added, if that is the only difference."""
    import numpy as np

    length = min(len(stored), len(derived))
    head = np.all(_same(stored.iloc[:length], derived.iloc[:length]), axis=1)
    tail = np.all(_same(stored.iloc[len(stored) - length :], derived.iloc[len(derived) - length :]), axis=1)
    leading = length if head.all() else int(head.argmin())
    return leading if tail[leading:].all() else None


def _first(differs: "np.ndarray") -> "np.ndarray":
    import numpy as np

    rows = np.flatnonzero(differs.any(axis=1))[:SHOWN]
    cells = [(row, column) for row in rows for column in np.flatnonzero(differs[row])]
    return np.array(cells[:SHOWN], dtype=np.int64).reshape(-1, 2)


def _largest(stored: "pd.DataFrame", derived: "pd.DataFrame", differs: "np.ndarray") -> float | None:
    """Return the largest relative difference, or None if something other than numbers differs."""
    import numpy as np
    import pandas as pd

    largest = 0.0
    for column, name in enumerate(stored.columns):
        if not (rows := differs[:, column]).any():
            continue
        if not all(pd.api.types.is_numeric_dtype(table[name]) for table in (stored, derived)):
            return None
        before, after = (table[name].to_numpy(dtype=np.float64, na_value=np.nan)[rows] for table in (stored, derived))
        share = np.abs(after - before) / np.maximum(np.maximum(np.abs(before), np.abs(after)), np.finfo(float).tiny)
        if not np.isfinite(share).all():
            return None
        largest = max(largest, float(share.max()))
    return largest
