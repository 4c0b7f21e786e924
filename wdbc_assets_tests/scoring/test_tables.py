"""The predictions for a batch, with those of the model before the champion."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.scoring import tables
from wdbc_assets.store import bundle_loader, table_files
from wdbc_assets.store.store import open_store
from wdbc_assets_tests import monitored

if TYPE_CHECKING:
    from wdbc_assets.domain.data.incoming import PatientTable
    from wdbc_assets.store.bundle_loader import Served


@pytest.fixture
def patients(monkeypatch: pytest.MonkeyPatch) -> "PatientTable":
    """Twenty-five patients in three parts."""
    monkeypatch.setattr(table_files, "ROWS", 10)
    table = monitored.patients(25).drop(columns="diagnosis")
    return table_files.write([table.assign(id=table["id"].astype("str"))])


@pytest.fixture
def served(tmp_path: Path) -> "Served":
    return bundle_loader.open_champion(monitored.make_store(tmp_path))


class Failing:
    """A model that cannot score the second part."""

    version = "failing"

    def __init__(self) -> None:
        self.asked = 0

    def probabilities(self, X: np.ndarray) -> np.ndarray:
        self.asked += 1
        if self.asked == 2:
            raise WdbcError("the model has no such answer")
        return np.full(len(X), 0.5)


def test_patients_in_parts_are_scored_like_all_of_them(patients: "PatientTable", served: "Served") -> None:
    predictions = tables.predictions(patients, served, served)
    found, whole = predictions.table, served.probabilities(patients.frame().drop(columns="id").to_numpy())
    assert found["probability"].to_numpy() == pytest.approx(whole, rel=1e-12)  # BLAS rounds parts differently
    assert found["previous_probability"].equals(found["probability"])
    assert (predictions.model, predictions.previous_version) == (served.version, served.version)
    assert found["id"].tolist() == patients.frame()["id"].tolist()


def test_an_earlier_model_that_fails_for_one_part_counts_as_none(patients: "PatientTable", served: "Served") -> None:
    earlier = Failing()
    predictions = tables.predictions(patients, served, cast("Served", earlier))
    found = predictions.table
    assert earlier.asked == 2, "it is not asked again"
    assert predictions.previous_version == ""
    assert found["previous_probability"].isna().all()
    assert found["probability"].notna().all()


def test_predictions_come_back_from_a_store(patients: "PatientTable", served: "Served", tmp_path: Path) -> None:
    store = open_store(str(tmp_path), relative_to=tmp_path)
    predictions = tables.predictions(patients, served, None)
    store.commit(store.draft("predictions", predictions, run_id="a-run", partition="a"), run_id="a-run")
    stored = store.handle("predictions", partition="a")
    assert (stored.manifest.rows, set(stored.manifest.files)) == (25, {"predictions.parquet", "model.json"})
    pd.testing.assert_frame_equal(stored.load().table, predictions.table)
    assert [len(part) for part in stored.load().patients.parts()] == [10, 10, 5]
