"""The exploration as a whole: facts of the published patients, no patient's own value, and tables that are unusual."""

import json
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from wdbc_assets.domain.data import contract, exploration
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import codecs, parsing
from wdbc_assets_tests.domain import validation


def small(rows: int = 60, **columns: Any) -> pd.DataFrame:
    """A clean frame of independent random measurements, every third patient malignant, some columns replaced."""
    random = np.random.default_rng(rows)
    frame = pd.DataFrame(
        {
            contract.DIAGNOSIS: np.arange(rows) % 3 // 2,
            **{name: random.normal(10, 1, rows) for name in contract.FEATURES},
        }
    )
    return frame.assign(**columns)


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for part in value.values() for number in numbers(part)]
    if isinstance(value, list):
        return [number for part in value for number in numbers(part)]
    return [value] if isinstance(value, float) else []


def test_the_facts_of_the_published_patients() -> None:
    frame = validation.clean_frame()
    found = exploration.explore(frame)
    assert (found.rows, found.benign, found.malignant) == (569, 357, 212)
    assert found.malignant_share == 212 / 569
    assert (found.missing, found.duplicates) == (0, 0)
    assert found.measurements["concavity_mean"].zeros == 13
    assert found.row_order_auc == pytest.approx(0.67, abs=0.005)
    assert found.row_order_auc == pytest.approx(roc_auc_score(frame["diagnosis"], -np.arange(569)), abs=1e-12)
    assert list(found.measurements) == list(contract.FEATURES)
    for name, figures in found.measurements.items():
        assert figures.auc == pytest.approx(roc_auc_score(frame["diagnosis"], frame[name]), abs=1e-12)
        assert figures.skew == pytest.approx(frame[name].skew(), rel=1e-9)


def test_the_usual_ranges_of_the_contract_lie_between_the_quantiles_of_the_classes() -> None:
    found = exploration.explore(validation.clean_frame()).measurements
    for measurement in contract.MEASUREMENTS:
        for statistic in contract.STATISTICS:
            low, high = measurement.usual[statistic]
            one = found[measurement.column(statistic)]
            assert min(one.benign.low, one.malignant.low) <= low * 1.02
            assert max(one.benign.high, one.malignant.high) >= high * 0.98


def test_it_holds_no_extreme_and_the_same_table_gives_the_same_bytes() -> None:
    frame = validation.clean_frame()
    found = exploration.explore(frame)
    assert found == exploration.explore(frame.copy())
    extremes = {
        float(value)
        for name in contract.FEATURES
        for value in (frame[name].min(), frame[name].max())
        if value != 0  # counted, as `zeros`, and a round edge
    }
    assert not extremes & set(numbers(parsing.plain(found)))


def test_the_bytes_do_not_depend_on_the_number_of_threads() -> None:
    code = (
        "import hashlib; from wdbc_assets.domain.data import exploration;"
        "from wdbc_assets.store import codecs, parsing;"
        "from wdbc_assets_tests.domain import validation;"
        "found = exploration.explore(validation.clean_frame());"
        "print(hashlib.sha256(codecs.to_json(parsing.plain(found))).hexdigest())"
    )
    here = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": ":".join(sys.path), "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    ]
    assert len(here[0].strip()) == 64
    assert here[0] == here[1]


def test_the_order_of_the_rows_changes_its_auc_alone() -> None:
    frame = validation.clean_frame()
    shuffled = exploration.explore(frame.sample(frac=1, random_state=42, ignore_index=True))
    by_diagnosis = exploration.explore(frame.sort_values("diagnosis", kind="stable", ignore_index=True))
    assert shuffled.row_order_auc < 0.55
    assert by_diagnosis.row_order_auc == 1.0
    before = exploration.explore(frame).measurements
    for name, figures in shuffled.measurements.items():
        assert figures.histogram == before[name].histogram
        assert figures.auc == before[name].auc


def test_a_row_order_that_is_chance_is_said_to_be_so_in_either_direction() -> None:
    frame = validation.clean_frame()
    backwards = exploration.explore(frame.iloc[::-1].reset_index(drop=True))
    assert backwards.row_order_auc == pytest.approx(exploration.explore(frame).row_order_auc, abs=1e-12)


def test_duplicates_are_counted_whatever_the_diagnosis_and_the_first_is_none() -> None:
    frame = small()
    doubled = pd.concat([frame, frame.iloc[:4], frame.iloc[:1].assign(diagnosis=1)], ignore_index=True)
    assert exploration.explore(doubled).duplicates == 5


def test_a_constant_column_is_shown_as_such_and_the_value_can_be_stored() -> None:
    found = exploration.explore(small(radius_mean=3.0, area_mean=0.0))
    assert found.measurements["radius_mean"].skew is None
    assert found.measurements["area_mean"].zeros == 60
    json.loads(codecs.to_json(parsing.plain(found)))


def test_missing_cells_are_counted_and_left_out_of_their_own_measurement() -> None:
    frame = small()
    whole = exploration.explore(frame)
    frame.loc[[3, 8], "radius_mean"] = math.nan
    found = exploration.explore(frame)
    assert found.missing == 2
    assert sum(found.measurements["radius_mean"].histogram.benign) == 39  # of 40: row 3 is benign, 8 is not
    assert found.measurements["area_se"] == whole.measurements["area_se"]
    codecs.to_json(parsing.plain(found))


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (small(0), "Number of malignant patients: 0; needed: at least 13."),
        (small(38), "Number of malignant patients: 12; needed: at least 13."),
        (small(diagnosis=0), "Number of malignant patients: 0; needed: at least 13."),
        (small(diagnosis=2), "Neither 1 (malignant) nor 0 (benign): 60 of 60 diagnoses."),
        (small(radius_mean=math.inf), "Blank or infinite cells in 1 of 30 columns."),
        (small(radius_mean="1"), "Something other than numbers in 1 of 30 columns."),
        (small(radius_mean=math.nan), "Too few benign patients have a value in 1 of 30 columns; needed: 13."),
    ],
    ids=["no rows", "too few rows", "one class", "no code", "infinite", "text", "a column without values"],
)
def test_a_table_that_cannot_be_explored_is_refused_in_words(frame: pd.DataFrame, said: str) -> None:
    with pytest.raises(WdbcError) as refused:
        exploration.explore(frame)
    assert refused.value.what == said
    assert refused.value.hint


def test_the_fewest_patients_can_be_explored() -> None:
    assert exploration.explore(small(39)).rows == 39
