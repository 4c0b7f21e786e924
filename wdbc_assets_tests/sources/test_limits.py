"""The numbers that bound a fetch."""

import dataclasses
import math
from typing import Any

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.sources.limits import DEFAULT, QUICK, Limits


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Limits)])
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_a_limit_out_of_range_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(WdbcError, match=f"the limit {name} is {value}"):
        dataclasses.replace(DEFAULT, **{name: value})


def test_a_look_ends_well_before_the_tick_of_a_sensor() -> None:
    assert QUICK.tries == 1
    assert QUICK.total_seconds <= 10 < DEFAULT.total_seconds
