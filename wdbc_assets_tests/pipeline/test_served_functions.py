"""Tests of the assets that are made of what the service leaves, as functions: no run of Dagster takes part."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from wdbc_assets import settings
from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.monitoring import live, served_rules, streams
from wdbc_assets.domain.monitoring.batch_predictions import BatchPredictions
from wdbc_assets.domain.monitoring.served import ServedWindow, ServedWindows
from wdbc_assets.pipeline import batch_functions, outcome_functions, served_functions
from wdbc_assets.pipeline.calls import External, NotModified
from wdbc_assets.pipeline.engines.developed import DevelopmentPatients
from wdbc_assets.pipeline.served_files import ServedFiles
from wdbc_assets.store import codecs, table_files
from wdbc_assets_tests.domain import out_of_fold, validation
from wdbc_assets_tests.served import NOON, prediction, sketch, window

if TYPE_CHECKING:
    from wdbc_assets.domain.evaluation.comparison import CrossValidation

RECIPE = "logistic"


class Evaluated:
    """What the reference takes of a cross-validation."""

    predictions = out_of_fold.honest().assign(recipe=RECIPE)


EVALUATED: "CrossValidation" = Evaluated()  # type: ignore[assignment] # only its predictions are read


@pytest.fixture(scope="module")
def digest() -> str:
    return batch_functions.drift_reference(validation.clean_frame(), EVALUATED, RECIPE).digest


@pytest.fixture
def files(tmp_path: Path) -> ServedFiles:
    return ServedFiles(tmp_path / "served")


def drift(*windows: ServedWindow, **parameters: Any) -> Any:
    """Return the drift report of windows."""
    return served_functions.served_drift(
        ServedWindows(windows), validation.clean_frame(), EVALUATED, settings.DriftParameters(**parameters)
    )


def external(made: External | NotModified) -> External:
    assert isinstance(made, External)
    return made


@pytest.mark.fault("D16")
def test_a_damaged_window_is_named_and_left_out_and_the_others_count(files: ServedFiles) -> None:
    files.put_window(window("2026-W40"), "0a1b")
    files.put_window(window("2026-W40", 50), "beef")
    damaged = files.windows / "2026-W40_bad0.json"
    damaged.write_bytes(b'{"window": "2026-W40"}')
    made = external(served_functions.served_windows(None, files))
    assert [one.sketch for one in made.value.windows] == [sketch(90)]
    assert served_rules.damaged_files(made.value) == ["damaged files of windows is 1 (2026-W40_bad0.json), needed: 0"]
    assert len(files.all_windows()) == 3, "nothing moves before the value is stored"
    made.acknowledge()
    assert files.all_windows() == []
    assert [path.name for path in (files.folder / "damaged").iterdir()] == [damaged.name]


def test_windows_continue_the_version_that_they_were_read_with(files: ServedFiles) -> None:
    before = ServedWindows((window("2026-W39"),))
    assert isinstance(served_functions.served_windows(("v1", before), files), NotModified)
    files.put_window(window("2026-W40"), "0a1b")
    made = external(served_functions.served_windows(("v1", before), files))
    assert made.continues == "v1"
    assert [one.window for one in made.value.windows] == ["2026-W39", "2026-W40"]
    name, contents, _ = codecs.encode("served_windows", made.value)
    assert codecs.decode(name, contents) == made.value


def test_windows_of_an_earlier_reference_are_kept_but_not_compared(digest: str) -> None:
    old, new = window("2026-W39"), window("2026-W40", reference=digest)
    too_early = drift(old)
    assert (too_early.batch, too_early.verdict, too_early.sketch.rows) == ("2026-W39", "too few to say", 0)
    report = drift(old, new)
    assert (report.batch, report.earlier_batches, report.sketch) == ("2026-W40", 0, sketch(40))
    assert drift(new, window("2026-W41")).batch == "2026-W40"


def test_days_are_compared_with_days_only(digest: str) -> None:
    windows = window("2026-W40", reference=digest), window("2026-10-05", reference=digest)
    assert drift(*windows).batch == "2026-W40"
    daily = drift(*windows, drift_cadence="daily")
    assert (daily.batch, daily.earlier_batches, daily.cadence) == ("2026-10-05", 0, "daily")


def test_without_a_window_there_is_no_report() -> None:
    with pytest.raises(WdbcError, match="no window of the service has ended yet"):
        drift()


def test_kept_predictions_are_appended_once_and_hold_no_measurement(files: ServedFiles) -> None:
    files.put_predictions([prediction("a"), prediction("b", 0.5)], "0a1b", NOON)
    first = external(served_functions.served_predictions(None, files))
    files.put_predictions([prediction("c")], "beef", NOON)  # the first run was killed before it removed its file
    (files.predictions / "20261126T120000Z_bad.json").write_bytes(b"rubbish")
    second = external(served_functions.served_predictions(("v1", first.value), files))
    assert second.value["id"].tolist() == ["a", "b", "c"]
    assert second.origin["damaged"] == 1
    assert served_rules.measurements(second.value) == []
    assert served_rules.measurements(second.value.assign(area_mean=1.0)) == ["columns of measurements is 1, needed: 0"]
    second.acknowledge()
    assert files.kept_predictions() == []
    assert isinstance(served_functions.served_predictions(("v2", second.value), files), NotModified)
    assert codecs.from_parquet(codecs.to_parquet(second.value)).equals(second.value)
    assert set(second.value.columns).isdisjoint(contract.FEATURES)


def test_a_service_that_keeps_nothing_is_an_empty_table_and_no_live_metric(files: ServedFiles) -> None:
    nothing = external(served_functions.served_predictions(None, files)).value
    assert (len(nothing), "probability" in nothing) == (0, True)
    with pytest.raises(WdbcError, match=r"no prediction is stored: .* and the service has kept none"):
        outcome_functions.live_metrics(live.no_events(), {}, nothing, validation.clean_frame(), EVALUATED)


@pytest.mark.parametrize(
    ("batch", "expected"),
    [("20270301T000000.000Z-a", "spline"), ("20260301T000000.000Z-a", "logistic")],
)
def test_live_metrics_are_compared_with_the_recipe_of_the_last_prediction(
    files: ServedFiles, monkeypatch: pytest.MonkeyPatch, batch: str, expected: str
) -> None:
    """The service kept its predictions in November 2026, by `logistic`."""
    files.put_predictions([prediction("a")], "0a1b", NOON)
    kept = external(served_functions.served_predictions(None, files)).value
    table = kept[["id", "probability", "triage", "above_threshold"]].assign(log_odds=-1.0, previous_probability=0.5)
    of_batch = BatchPredictions(table_files.write([table]), "v2", "spline", "prediction set", "")
    compared: list[str] = []

    def of(*inputs: Any) -> DevelopmentPatients:
        compared.append(inputs[-1])
        return DevelopmentPatients(pd.DataFrame(), pd.Series([0, 1]), np.array([-1.0, 1.0]))

    monkeypatch.setattr(DevelopmentPatients, "of", of)
    found = outcome_functions.live_metrics(
        live.no_events(), {batch: of_batch}, kept, validation.clean_frame(), EVALUATED
    )
    assert compared == [expected]
    assert found.predictions == 1, "it is the same patient"


def test_the_sketch_of_no_patient_is_not_stored_as_a_window() -> None:
    with pytest.raises(ValueError, match="fewer than 30"):
        ServedWindow("2026-W40", "a", RECIPE, (), streams.EMPTY)
