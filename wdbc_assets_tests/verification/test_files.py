"""File comparison: which values and cells differ, by how much, and what differs only in notation."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wdbc_assets.store import codecs
from wdbc_assets.verification import FileDifference, files
from wdbc_assets_tests import builders


def compared(name: str, stored: bytes | None, derived: bytes | None) -> FileDifference:
    return files.compare(name, stored, derived, intact=True, patients=None)


def changes(stored: Any, derived: Any) -> list[tuple[str, Any, Any, float | None]]:
    difference = compared("values.json", json.dumps(stored).encode(), json.dumps(derived).encode())
    return [(value.path, value.stored, value.derived, value.difference) for value in difference.changed]


def tables(stored: pd.DataFrame, derived: pd.DataFrame) -> FileDifference:
    return compared("table.parquet", codecs.to_parquet(stored), codecs.to_parquet(derived))


def test_each_changed_value_is_reported_with_path_both_values_and_difference() -> None:
    stored = {"accuracy": {"value": 0.5, "low": 0.25}, "curve": [0, 0.5, 1], "winner": "a", "score": None}
    derived = {"accuracy": {"value": 0.75, "low": 0.25}, "curve": [0, 0.25, 1], "winner": "b", "score": 1.0}
    assert changes(stored, derived) == [
        ("accuracy.value", 0.5, 0.75, 0.25),
        ("curve[1]", 0.5, 0.25, -0.25),
        ("winner", "a", "b", None),
        ("score", None, 1.0, None),
    ]


def test_added_and_removed_containers_are_reported_by_their_size() -> None:
    stored = {"old": {"a": 1, "b": 2}, "curve": [1, 2, 3]}
    derived = {"new": 4, "curve": [1, 2, 3, 4]}
    assert changes(stored, derived) == [
        ("old", "2 entries", "absent", None),
        ("curve", "3 entries", "4 entries", None),
        ("new", "absent", 4, None),
    ]


@pytest.mark.parametrize(("stored", "derived"), [(True, 1), (1, 1.0), (0, None), ("1", 1)])
def test_values_of_different_types_are_never_equal(stored: Any, derived: Any) -> None:
    assert len(changes({"x": stored}, {"x": derived})) == 1


def test_the_same_values_in_another_notation_are_reported_as_such() -> None:
    difference = compared("values.json", b'{"a": 1, "b": 2}', b'{"b":2,"a":1}')
    assert difference.what == "the same values in another notation"
    assert difference.count == 0


@pytest.mark.parametrize(("change", "rounding"), [(1e-9, True), (1.1e-9, False)])
def test_rounding_is_distinguished_from_a_real_difference(change: float, rounding: bool) -> None:
    difference = compared("values.json", json.dumps({"a": 1.0}).encode(), json.dumps({"a": 1.0 - change}).encode())
    assert difference.count == 1
    assert difference.rounding is rounding
    numbers = pd.DataFrame({"x": [1.0, 2.0]})
    assert tables(numbers, numbers * (1 - change)).rounding is rounding


def test_a_change_of_anything_but_numbers_is_never_rounding() -> None:
    assert not compared("values.json", b'{"a": 1.0, "b": "x"}', b'{"a": 1.0000000000000002, "b": "y"}').rounding


def test_different_cells_are_counted_and_the_first_ten_are_listed_by_row() -> None:
    stored = pd.DataFrame(np.zeros((20, 3)), columns=["a", "b", "c"])
    derived = stored.copy()
    derived.loc[4, "b"] = derived.loc[4, "c"] = derived.loc[17, "a"] = 1
    difference = tables(stored, derived)
    assert difference.what == "3 of 60 cells: row 5, column b, c; row 18, column a"
    assert difference.cells == ((5, "b"), (5, "c"), (18, "a"))
    every = tables(stored, stored + 1)
    assert every.count == 60
    assert len(every.cells) == 10
    assert every.what.endswith("; and 57 more")


def test_a_missing_cell_equals_only_a_missing_cell() -> None:
    stored = pd.DataFrame({"x": [np.nan, 1.0, 2.0]})
    difference = tables(stored, pd.DataFrame({"x": [np.nan, np.nan, 2.0]}))
    assert difference.cells == ((2, "x"),)
    assert difference.largest is None


@pytest.mark.parametrize(("dropped", "what"), [([0], "row 1 lost"), ([2, 3], "rows 3 to 4 lost"), ([5], "row 6 lost")])
def test_lost_and_added_rows_are_reported_by_number(dropped: list[int], what: str) -> None:
    table = pd.DataFrame({"x": np.arange(6.0)})
    assert tables(table, table.drop(dropped)).what == what
    assert tables(table.drop(dropped), table).what == what.replace("lost", "added")


def test_lost_rows_together_with_changed_cells_are_only_counted() -> None:
    table = pd.DataFrame({"x": np.arange(6.0)})
    assert tables(table, table.drop([0]) + 10).what == "6 rows -> 5; 5 of 5 cells"


def test_added_lost_reordered_and_retyped_columns_are_reported() -> None:
    table = pd.DataFrame({"x": [1, 2], "y": [3.0, 4.0]})
    assert tables(table, table.drop(columns="y").assign(z=1)).what == "lost 1 column: y; added 1 column: z"
    assert tables(table, table[["y", "x"]]).what == "the columns are in a different order"
    assert tables(table, table.astype({"x": float})).what == "types: x int64 -> float64"


def test_an_added_header_and_reordered_lines_are_reported() -> None:
    first, second = builders.patient(id=1), builders.patient(id=2)
    difference = compared("wdbc.data", builders.csv(first, second), builders.csv(first, second, header=True))
    assert difference.what == "no cell differs, but the text of 2 lines -> 3, first difference in line 1"
    difference = compared("wdbc.data", builders.csv(first, second), builders.csv(second, first, header=True))
    assert difference.cells == ((2, "id"), (3, "id"))


def test_content_that_is_no_longer_a_table_is_compared_by_line() -> None:
    difference = compared("wdbc.data", builders.csv(builders.patient()), b"<html>\n")
    assert difference.what == "1 lines: 1"


@pytest.mark.parametrize("name", ["values.json", "table.parquet"])
def test_an_unreadable_stored_file_is_reported_as_such(name: str) -> None:
    good = codecs.to_parquet(pd.DataFrame({"x": [1]})) if name.endswith("parquet") else b"{}"
    assert compared(name, b"\xff\x00", good).what == "can no longer be read"


def test_missing_and_no_longer_derived_files_are_reported() -> None:
    assert compared("a.json", None, b"{}").what == "is missing"
    assert compared("a.json", b"{}", None).what == "is no longer derived"


def test_other_text_files_are_compared_by_line() -> None:
    assert compared("card.md", b"a\nb\nc\n", b"a\nB\nc\n").what == "1 lines: 2"


def test_a_damaged_model_is_never_opened() -> None:
    difference = files.compare("pipeline.skops", b"x", b"y", intact=False, patients=pd.DataFrame({"x": [1.0]}))
    assert difference.what == "is damaged: not opened"
