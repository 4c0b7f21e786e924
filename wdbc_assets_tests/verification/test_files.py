"""Comparing files: which figures and cells differ, by how much, and what is only written otherwise."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wdbc_assets.store import codecs
from wdbc_assets.verification import Difference, files
from wdbc_assets_tests import builders


def compared(name: str, stored: bytes | None, derived: bytes | None) -> Difference:
    return files.compare(name, stored, derived, whole=True, asked=None)


def figures(stored: Any, derived: Any) -> list[tuple[str, Any, Any, float | None]]:
    found = compared("figures.json", json.dumps(stored).encode(), json.dumps(derived).encode())
    return [(one.path, one.stored, one.derived, one.difference) for one in found.figures]


def tables(stored: pd.DataFrame, derived: pd.DataFrame) -> Difference:
    return compared("table.parquet", codecs.to_parquet(stored), codecs.to_parquet(derived))


def test_each_figure_that_moved_is_told_with_its_path_both_values_and_the_difference() -> None:
    stored = {"accuracy": {"value": 0.5, "low": 0.25}, "curve": [0, 0.5, 1], "winner": "a", "score": None}
    derived = {"accuracy": {"value": 0.75, "low": 0.25}, "curve": [0, 0.25, 1], "winner": "b", "score": 1.0}
    assert figures(stored, derived) == [
        ("accuracy.value", 0.5, 0.75, 0.25),
        ("curve[1]", 0.5, 0.25, -0.25),
        ("winner", "a", "b", None),
        ("score", None, 1.0, None),
    ]


def test_what_came_or_went_is_told_without_each_of_its_parts() -> None:
    stored = {"old": {"a": 1, "b": 2}, "curve": [1, 2, 3]}
    derived = {"new": 4, "curve": [1, 2, 3, 4]}
    assert figures(stored, derived) == [
        ("old", "2 entries", "absent", None),
        ("curve", "3 entries", "4 entries", None),
        ("new", "absent", 4, None),
    ]


@pytest.mark.parametrize(("stored", "derived"), [(True, 1), (1, 1.0), (0, None), ("1", 1)])
def test_a_value_of_another_kind_is_no_equal_value(stored: Any, derived: Any) -> None:
    assert len(figures({"x": stored}, {"x": derived})) == 1


def test_the_same_values_in_another_form_are_told_as_that() -> None:
    found = compared("figures.json", b'{"a": 1, "b": 2}', b'{"b":2,"a":1}')
    assert found.what == "the same values, written otherwise"
    assert found.count == 0


@pytest.mark.parametrize(("moved", "rounding"), [(1e-9, True), (1.1e-9, False)])
def test_a_difference_of_rounding_is_told_from_one_that_matters(moved: float, rounding: bool) -> None:
    found = compared("figures.json", json.dumps({"a": 1.0}).encode(), json.dumps({"a": 1.0 - moved}).encode())
    assert found.count == 1
    assert found.rounding is rounding
    numbers = pd.DataFrame({"x": [1.0, 2.0]})
    assert tables(numbers, numbers * (1 - moved)).rounding is rounding


def test_what_is_no_number_is_never_rounding() -> None:
    assert not compared("figures.json", b'{"a": 1.0, "b": "x"}', b'{"a": 1.0000000000000002, "b": "y"}').rounding


def test_cells_that_differ_are_counted_and_the_first_ten_named_row_by_row() -> None:
    stored = pd.DataFrame(np.zeros((20, 3)), columns=["a", "b", "c"])
    derived = stored.copy()
    derived.loc[4, "b"] = derived.loc[4, "c"] = derived.loc[17, "a"] = 1
    found = tables(stored, derived)
    assert found.what == "3 of 60 cells: row 5, column b, c; row 18, column a"
    assert found.cells == ((5, "b"), (5, "c"), (18, "a"))
    every = tables(stored, stored + 1)
    assert every.count == 60
    assert len(every.cells) == 10
    assert every.what.endswith("; and 57 more")


def test_a_blank_cell_equals_a_blank_cell_and_nothing_else() -> None:
    stored = pd.DataFrame({"x": [np.nan, 1.0, 2.0]})
    found = tables(stored, pd.DataFrame({"x": [np.nan, np.nan, 2.0]}))
    assert found.cells == ((2, "x"),)
    assert found.largest is None


@pytest.mark.parametrize(("dropped", "what"), [([0], "row 1 lost"), ([2, 3], "rows 3 to 4 lost"), ([5], "row 6 lost")])
def test_rows_that_were_lost_or_added_are_named(dropped: list[int], what: str) -> None:
    table = pd.DataFrame({"x": np.arange(6.0)})
    assert tables(table, table.drop(dropped)).what == what
    assert tables(table.drop(dropped), table).what == what.replace("lost", "added")


def test_rows_that_were_lost_beside_a_change_are_told_by_their_number() -> None:
    table = pd.DataFrame({"x": np.arange(6.0)})
    assert tables(table, table.drop([0]) + 10).what == "6 rows -> 5; 5 of 5 cells"


def test_columns_that_came_went_moved_or_changed_their_type_are_told() -> None:
    table = pd.DataFrame({"x": [1, 2], "y": [3.0, 4.0]})
    assert tables(table, table.drop(columns="y").assign(z=1)).what == "lost 1 column: y; added 1 column: z"
    assert tables(table, table[["y", "x"]]).what == "the columns stand in another order"
    assert tables(table, table.astype({"x": float})).what == "types: x int64 -> float64"


def test_a_header_that_came_and_lines_that_changed_place_are_told() -> None:
    first, second = builders.patient(id=1), builders.patient(id=2)
    found = compared("wdbc.data", builders.csv(first, second), builders.csv(first, second, header=True))
    assert found.what == "no cell differs, but the text of 2 lines -> 3, the first other one is line 1"
    found = compared("wdbc.data", builders.csv(first, second), builders.csv(second, first, header=True))
    assert found.cells == ((2, "id"), (3, "id"))


def test_what_is_no_table_any_more_is_compared_line_by_line() -> None:
    found = compared("wdbc.data", builders.csv(builders.patient()), b"<html>\n")
    assert found.what == "1 lines: 1"


@pytest.mark.parametrize("name", ["figures.json", "table.parquet"])
def test_a_stored_file_that_is_damaged_beyond_reading_is_told_as_that(name: str) -> None:
    good = codecs.to_parquet(pd.DataFrame({"x": [1]})) if name.endswith("parquet") else b"{}"
    assert compared(name, b"\xff\x00", good).what == "cannot be read any more"


def test_a_file_that_lacks_and_one_that_is_not_derived_any_more_are_told() -> None:
    assert compared("a.json", None, b"{}").what == "is missing"
    assert compared("a.json", b"{}", None).what == "is not derived any more"


def test_text_of_any_other_kind_is_compared_line_by_line() -> None:
    assert compared("card.md", b"a\nb\nc\n", b"a\nB\nc\n").what == "1 lines: 2"


def test_a_model_that_is_damaged_is_never_opened() -> None:
    found = files.compare("pipeline.skops", b"x", b"y", whole=False, asked=pd.DataFrame({"x": [1.0]}))
    assert found.what == "is damaged: not opened"
