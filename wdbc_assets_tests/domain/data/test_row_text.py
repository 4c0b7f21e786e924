"""Typed rows as lines of text: the same patient gives the same bytes."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from wdbc_assets.domain.data import csv_layouts, reading, row_text
from wdbc_assets.domain.data.csv_layouts import NAMES, NotATable
from wdbc_assets_tests.builders import csv, patient

ORDER = range(len(NAMES))


def line(**values: Any) -> bytes:
    (found,) = row_text.of_values([list(patient(**values).values())], ORDER)
    return found


@pytest.mark.parametrize("value", [12, 12.0, Decimal(12), Decimal("12.0000")])
def test_a_number_is_the_shortest_text_of_its_double(value: Any) -> None:
    assert line(radius_mean=value) == line(radius_mean=12.0) == csv(patient(radius_mean="12.0"))
    assert line(id=value) == line(id=12)


def test_what_is_missing_or_not_finite_is_left_to_the_rules() -> None:
    (text,) = row_text.of_values([[None, None, None, float("nan"), Decimal("Infinity"), 10**400, *[1.0] * 26]], ORDER)
    assert text.startswith(b",,,nan,inf,inf,1.0,")
    assert reading.read(text).frame.isna().sum().sum() == 5


def test_a_text_that_could_be_two_cells_stays_one() -> None:
    (cells,) = csv_layouts.lay_out(line(diagnosis='M,"B"')).rows()
    assert cells[1] == 'M,"B"'


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("radius_mean", "12.0", "the column radius_mean holds text; numbers are needed"),
        ("radius_mean", True, "the column radius_mean holds true or false; numbers are needed"),
        ("area_se", dt.date(2026, 1, 1), "the column area_se holds a date; numbers are needed"),
        ("id", 12.5, "the column id holds values of the type float; whole numbers are needed"),
        ("id", Decimal("NaN"), "the column id holds values of the type Decimal; whole numbers are needed"),
        ("id", b"12", "the column id holds bytes; whole numbers are needed"),
        ("diagnosis", "M\nB", "the column diagnosis holds text; M or B is needed"),
        ("diagnosis", 1, "the column diagnosis holds values of the type int; M or B is needed"),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_row_and_without_the_value(
    column: str, value: Any, what: str
) -> None:
    rows = [list(patient().values()), list(patient(**{column: value}).values())]
    with pytest.raises(NotATable) as raised:
        list(row_text.of_values(rows, ORDER))
    assert raised.value.what == what
    assert raised.value.where == "row 2"


def test_columns_are_found_by_name_in_any_order_and_case() -> None:
    names = [name.upper().replace("_", " ") for name in reversed(NAMES)]
    assert row_text.places(["note", *names], strict=False) == list(range(32, 0, -1))
    with pytest.raises(NotATable, match="has 1 unknown name: 'note'"):
        row_text.places(["note", *names], strict=True)
    with pytest.raises(NotATable, match="lacks id, diagnosis"):
        row_text.places([], strict=False)
