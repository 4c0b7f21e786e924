"""The facts of the contract agree with each other and with the published patients."""

import subprocess
import sys
from pathlib import Path

import pytest

from wdbc_assets.domain.data import contract
from wdbc_assets_tests import builders

ROOT = Path(__file__).resolve().parents[3]


def test_the_columns_are_those_of_uci_in_its_order() -> None:
    names = [column.name for column in contract.COLUMNS]

    assert len(names) == len(set(names)) == 32
    assert names[:3] == ["id", "diagnosis", "radius_mean"]
    assert names[2:] == list(contract.FEATURES)
    assert contract.FEATURES[10] == "radius_se"
    assert contract.FEATURES[27] == "concave_points_worst"
    assert [column.name for column in contract.CLEAN_COLUMNS] == ["diagnosis", *contract.FEATURES]


def test_every_column_has_a_type_a_meaning_and_constraints() -> None:
    for column in (*contract.COLUMNS, *contract.CLEAN_COLUMNS):
        assert column.dtype in {"int64", "str", "float64"}
        assert column.meaning
        assert column.constraints
        assert not column.nullable


def test_the_counts_are_those_of_the_published_patients() -> None:
    table = builders.published()

    assert len(table) == contract.PUBLISHED_ROWS
    assert (table[contract.DIAGNOSIS] == "M").sum() == contract.PUBLISHED_MALIGNANT
    low, high = contract.USUAL_MALIGNANT_SHARE
    assert low < contract.PUBLISHED_MALIGNANT / contract.PUBLISHED_ROWS < high


@pytest.mark.parametrize("measurement", contract.MEASUREMENTS, ids=lambda measurement: measurement.name)
def test_the_usual_range_is_that_of_nine_tenths_of_the_published_patients(measurement: contract.Measurement) -> None:
    table = builders.published()

    assert list(measurement.usual) == list(contract.STATISTICS)
    for statistic, usual in measurement.usual.items():
        seen = table[measurement.column(statistic)].quantile([0.05, 0.95])
        assert usual == pytest.approx(tuple(seen), rel=0.005)


@pytest.mark.parametrize("measurement", contract.MEASUREMENTS, ids=lambda measurement: measurement.name)
def test_no_bound_is_near_to_what_was_seen(measurement: contract.Measurement) -> None:
    seen = builders.published()[[measurement.column(statistic) for statistic in contract.STATISTICS]]

    assert seen.max().max() < 0.7 * measurement.largest
    assert bool(seen.min().min() == 0) is measurement.may_be_zero


def test_constraints_are_reported_in_words() -> None:
    message = {column.name: column.constraints for column in contract.COLUMNS}

    assert message["diagnosis"] == ("M or B",)
    assert message["concavity_mean"][0] == ">= 0"
    assert message["radius_worst"] == ("> 0", "<= 100 (eight times the radius of benign nuclei)", ">= radius_mean")
    assert message["area_se"][-1] == "<= area_mean"


def test_naming_the_rules_imports_nothing_heavy() -> None:
    heavy = "{'numpy', 'pandas', 'pandera', 'sklearn', 'pyarrow', 'scipy'}"
    imports = "from wdbc_assets.domain.data import cleaning, contract, reading, splitting; "
    imports += "from wdbc_assets.domain.rules import findings, groups"
    code = f"import sys; {imports}; print({heavy} & set(sys.modules))"

    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "set()"
