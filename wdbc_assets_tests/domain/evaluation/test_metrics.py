"""Every metric equals scikit-learn's, has an interval, and is never NaN or a placeholder."""

import json
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import bootstrap, delong, intervals, metrics_result, ranking
from wdbc_assets.domain.evaluation import metrics as evaluation_metrics
from wdbc_assets.domain.modeling import prediction
from wdbc_assets.store import parsing

PROPORTIONS = ("accuracy", "precision", "recall", "specificity")
LOSSES = ("log_loss", "brier")

probability = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.floats(0, 1))  # with ties, and the very ends
evaluated = st.lists(st.tuples(st.sampled_from([0, 1]), probability), min_size=2, max_size=60).filter(
    lambda rows: {truth for truth, _ in rows} == {0, 1}
)


def judge(rows: list[tuple[int, float]], **settings: Any) -> metrics_result.Metrics:
    y, p = (np.array(column) for column in zip(*rows, strict=True))
    return evaluation_metrics.evaluate(y, p, **{"bootstrap": 100, **settings})


def bounds(found: metrics_result.Metrics, name: str) -> tuple[float, float, float]:
    figure = found.by_name[name]
    assert figure.value is not None
    assert figure.low is not None
    assert figure.high is not None
    return figure.value, figure.low, figure.high


def width(found: metrics_result.Metrics, name: str) -> float:
    _, low, high = bounds(found, name)
    return high - low


def some_rows(n: int = 114) -> list[tuple[int, float]]:
    """Return predictions that are right with probability .63."""
    generator = np.random.default_rng(7)
    truth = (generator.random(n) < 0.37).astype(int)
    return list(zip(truth.tolist(), np.clip(generator.normal(0.2 + 0.6 * truth, 0.2), 0, 1).tolist(), strict=True))


@given(rows=evaluated)
@settings(deadline=None)
def test_every_metric_equals_scikit_learns(rows: list[tuple[int, float]]) -> None:
    y, p = (np.array(column) for column in zip(*rows, strict=True))
    predicted = (p > 0.5).astype(int)
    ours = judge(rows)
    clipped = np.clip(p, 1e-7, 1 - 1e-7)
    theirs = {
        "accuracy": metrics.accuracy_score(y, predicted),
        "recall": metrics.recall_score(y, predicted),
        "specificity": metrics.recall_score(y, predicted, pos_label=0),
        "f1": metrics.f1_score(y, predicted),
        "roc_auc": metrics.roc_auc_score(y, p),
        "pr_auc": metrics.average_precision_score(y, p),
        "log_loss": metrics.log_loss(y, clipped),
        "brier": metrics.brier_score_loss(y, p),
    }
    if predicted.any():
        theirs["precision"] = metrics.precision_score(y, predicted)
    assert {name: ours.by_name[name].value for name in theirs} == pytest.approx(theirs, abs=1e-12)
    assert parsing.plain(ours.confusion_matrix) == metrics.confusion_matrix(y, predicted).tolist()


@given(rows=evaluated)
@settings(deadline=None)
def test_the_roc_curve_equals_scikit_learns(rows: list[tuple[int, float]]) -> None:
    curve = judge(rows).roc_curve
    false_positive_rate, true_positive_rate, thresholds = metrics.roc_curve(*zip(*rows, strict=True))
    assert curve.false_positive_rate == pytest.approx(false_positive_rate, abs=1e-12)
    assert curve.true_positive_rate == pytest.approx(true_positive_rate, abs=1e-12)
    assert curve.threshold[0] is None  # scikit-learn's infinity, which JSON can't say
    assert curve.threshold[1:] == tuple(thresholds[1:].tolist())


@given(rows=evaluated)
@settings(deadline=None)
def test_the_classification_report_equals_scikit_learns_if_defined(rows: list[tuple[int, float]]) -> None:
    y, p = (np.array(column) for column in zip(*rows, strict=True))
    theirs = metrics.classification_report(
        y, p > 0.5, target_names=["benign", "malignant"], output_dict=True, zero_division=np.nan
    )
    ours = parsing.plain(judge(rows).classification_report)
    assert ours.keys() == theirs.keys()
    assert ours.pop("accuracy") == pytest.approx(theirs.pop("accuracy"), abs=1e-12)
    undefined = any(np.isnan(theirs[name]["precision"]) for name in ("benign", "malignant"))
    for name, figures in ours.items():
        for figure, value in figures.items():
            if figure == "precision" and undefined and ("avg" in name or np.isnan(theirs[name]["precision"])):
                assert value is None
            else:
                assert value == pytest.approx(theirs[name][figure], abs=1e-12)


@given(rows=evaluated)
@settings(deadline=None)
def test_metrics_survive_json_and_every_interval_is_in_range(rows: list[tuple[int, float]]) -> None:
    found = judge(rows)
    written = json.dumps(parsing.plain(found), allow_nan=False)
    assert parsing.read(metrics_result.Metrics, written.encode()) == found
    for name, figure in found.by_name.items():
        assert (figure.low is None) == (figure.high is None) == (figure.reason is not None)
        if figure.value is not None and figure.low is not None and figure.high is not None:
            assert 0 <= figure.low <= figure.high <= ranking.LARGEST_LOSS.get(name, 1)
            assert name in LOSSES or figure.low <= figure.value <= figure.high
        assert name in (*LOSSES, "precision", "roc_auc", "pr_auc") or figure.low is not None


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_equal_published_ones(hits: int, of: int, low: float, high: float) -> None:
    """R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3."""
    figure = intervals.proportion(hits, of)
    assert (figure.low, figure.high) == pytest.approx((low, high), abs=5e-5)
    assert figure.value == hits / of


def test_a_wilson_interval_ends_at_one_if_every_row_is_a_hit() -> None:
    assert intervals.proportion(20, 20).high == 1.0
    assert intervals.proportion(20, 20).low == pytest.approx(1 - 0.1611, abs=5e-5)


def test_the_interval_type_of_each_metric() -> None:
    found = judge(some_rows())
    assert {name: figure.method for name, figure in found.by_name.items()} == {
        **dict.fromkeys(PROPORTIONS, "wilson"),
        "f1": "wilson_jaccard",
        "roc_auc": "delong",
        "pr_auc": "none",
        **dict.fromkeys(LOSSES, "bootstrap_t"),
    }
    assert [name for name, figure in found.by_name.items() if figure.by == "no interval"] == ["pr_auc"]


def test_a_missing_interval_and_one_that_covers_too_little_are_explained() -> None:
    assert judge(some_rows()).notes == {
        "pr_auc": evaluation_metrics.NO_PR_AUC_INTERVAL,
        "log_loss": metrics_result.NOTES["log_loss"],
    }
    assert judge([(0, 0.5), (0, 0.5), (1, 0.5)]).notes == {
        "precision": "no row was predicted malignant",
        "roc_auc": delong.ONE_PATIENT,
        "pr_auc": evaluation_metrics.NO_PR_AUC_INTERVAL,
        **dict.fromkeys(LOSSES, bootstrap.NO_SPREAD),
    }


@pytest.mark.parametrize(("tp", "wrong"), [(40, 3), (0, 5), (5, 0)])
def test_the_interval_of_f1_is_that_of_the_jaccard_index(tp: int, wrong: int) -> None:
    jaccard = stats.binomtest(tp, tp + wrong).proportion_ci(method="wilson")
    figure = intervals.f1(tp, wrong)
    assert figure.value == pytest.approx(2 * tp / (2 * tp + wrong), abs=1e-15)
    assert figure.low == pytest.approx(2 * jaccard.low / (1 + jaccard.low), abs=1e-12)
    assert figure.high == pytest.approx(2 * jaccard.high / (1 + jaccard.high), abs=1e-12)


def test_an_interval_contains_its_value_and_narrows_with_rows() -> None:
    few, many = judge(some_rows(60), bootstrap=2000), judge(some_rows(2000), bootstrap=2000)
    for name in ("f1", "roc_auc", *LOSSES):
        value, low, high = bounds(few, name)
        assert low < value < high
        assert width(many, name) < 0.5 * width(few, name)


def test_a_lower_confidence_gives_narrower_intervals() -> None:
    wide, narrow = judge(some_rows()), judge(some_rows(), confidence=0.5)
    for name in (*PROPORTIONS, "f1", "roc_auc", *LOSSES):
        assert width(narrow, name) < width(wide, name)


def test_the_seed_determines_the_bootstrap() -> None:
    assert judge(some_rows(), seed=1) == judge(some_rows(), seed=1)
    assert judge(some_rows(), seed=1).brier != judge(some_rows(), seed=2).brier


def test_a_row_at_the_threshold_is_benign() -> None:
    rows = [(0, 0.5), (1, 0.50001)]
    assert judge(rows).confusion_matrix == ((1, 0), (0, 1))
    assert judge(rows, threshold=0.4).confusion_matrix == ((0, 1), (0, 1))


def test_precision_without_a_malignant_prediction_is_none_with_a_reason() -> None:
    found = judge([(0, 0.1), (0, 0.2), (1, 0.3)])
    assert parsing.plain(found.precision) == {
        "value": None,
        "low": None,
        "high": None,
        "interval": "wilson",
        "reason": "no row was predicted malignant",
    }
    assert found.f1.value == 0.0
    assert found.classification_report.malignant.precision is None
    assert found.classification_report.macro_average.precision is None


def test_two_thousand_resamples_take_less_than_three_tenths_of_a_second() -> None:
    rows = some_rows()
    began = time.process_time()
    judge(rows, bootstrap=2000)
    assert time.process_time() - began < 0.3


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        ([0, 1], [0.5, np.nan], "1 of 2 probabilities"),
        ([0, 1], [0.5, np.inf], "1 of 2 probabilities"),
        ([0, 1], [-0.1, 0.5], "1 of 2 probabilities"),
        ([0, 1], [0.5, 1.1], "1 of 2 probabilities"),
        ([0, 1], [[0.5, 0.5], [0.2, 0.8]], r"shape \(2, 2\)"),
        ([0, 1, 1], [0.5, 0.5], r"2 rows, but the diagnoses have shape \(3,\)"),
        ([0, 0], [0.5, 0.5], "malignant patients: 0"),
        ([1, 1], [0.5, 0.5], "benign patients: 0"),
        ([], [], "malignant patients: 0"),
        ([0, 2], [0.5, 0.5], "1 of 2 diagnoses"),
        ([0.0, np.nan], [0.5, 0.5], "1 of 2 diagnoses"),
    ],
)
def test_invalid_predictions_are_rejected_and_never_give_nan(y: list[Any], p: list[Any], message: str) -> None:
    with pytest.raises(WdbcError, match=message):
        evaluation_metrics.evaluate(y, p)


@pytest.mark.fault("T03")
@pytest.mark.parametrize(
    "setting",
    [
        {"threshold": -0.1},
        {"threshold": 1.1},
        {"threshold": float("nan")},
        {"bootstrap": 99},
        {"seed": -1},
        {"confidence": 0.0},
        {"confidence": 1.0},
        {"confidence": float("nan")},
    ],
    ids=str,
)
def test_a_setting_out_of_range_is_rejected_by_name(setting: dict[str, Any]) -> None:
    with pytest.raises(WdbcError, match="is out of range") as error:
        judge(some_rows(), **setting)
    assert error.value.where == next(iter(setting))


def fitted_pipeline(classes: list[int]) -> Any:
    """Return a pipeline fitted on two columns whose class probabilities are .2 and .8."""
    return SimpleNamespace(
        feature_names_in_=np.array(["radius_mean", "texture_mean"], dtype=object),
        classes_=np.array(classes),
        predict_proba=lambda X: np.tile([0.2, 0.8], (len(X), 1)),
    )


def two_columns(**columns: list[Any]) -> pd.DataFrame:
    return pd.DataFrame(columns or {"radius_mean": [14.0, 20.0], "texture_mean": [19.0, 25.0]})


def test_the_probability_is_that_of_class_one_in_any_column() -> None:
    assert prediction.predict(fitted_pipeline([0, 1]), two_columns()).tolist() == [0.8, 0.8]
    assert prediction.predict(fitted_pipeline([1, 0]), two_columns()).tolist() == [0.2, 0.2]


def test_a_pipeline_without_the_malignant_class_is_rejected() -> None:
    with pytest.raises(WdbcError, match="was not fitted on class 1"):
        prediction.predict(fitted_pipeline([2, 4]), two_columns())


@pytest.mark.parametrize(
    ("columns", "where"),
    [
        ({"texture_mean": [1.0], "radius_mean": [1.0]}, "missing: none; unknown: none"),
        ({"radius_mean": [1.0]}, "missing: texture_mean; unknown: none"),
        (
            {"radius_mean": [1.0], "texture_mean": [1.0], "id": [1.0]},
            "missing: none; unknown: id",
        ),
    ],
)
def test_columns_other_than_the_fitted_ones_are_rejected(columns: dict[str, list[float]], where: str) -> None:
    with pytest.raises(WdbcError, match="in that order") as error:
        prediction.predict(fitted_pipeline([0, 1]), two_columns(**columns))
    assert error.value.where == where


@pytest.mark.parametrize("cell", [np.nan, np.inf, "17,99"])
def test_a_cell_that_is_not_finite_is_rejected_before_predicting(cell: float | str) -> None:
    with pytest.raises(WdbcError) as error:
        prediction.predict(fitted_pipeline([0, 1]), two_columns(radius_mean=[cell], texture_mean=[1.0]))
    assert error.value.where == "columns radius_mean"
