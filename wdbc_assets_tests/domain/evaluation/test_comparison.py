"""Metrics of out-of-fold predictions compared with scikit-learn, and the corrected interval."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import calibration, comparison, explanations, results

RANDOM = np.random.default_rng(569)


def predictions(recipes: tuple[str, ...] = ("logistic", "svc"), repeats: int = 2, patients: int = 100) -> pd.DataFrame:
    diagnosis = np.arange(patients) % 3 // 2
    parts = []
    for repeat in range(repeats):
        fold = RANDOM.permutation(patients) // 3 % 10
        for recipe in recipes:
            score = RANDOM.normal(2.0 * diagnosis - 1, 1.0)
            parts.append(
                pd.DataFrame(
                    {
                        "recipe": recipe,
                        "repeat": repeat,
                        "patient": np.arange(patients),
                        "fold": fold,
                        "diagnosis": diagnosis,
                        "probability": 1 / (1 + np.exp(-2 * score)),
                    }
                )
            )
    table = pd.concat(parts, ignore_index=True)
    # Every fold must hold both classes; with rows dealt at random nearly all do, and the rest are dealt again.
    if table.groupby(["repeat", "fold"])["diagnosis"].nunique().min() < 2:
        return predictions(recipes, repeats, patients)
    return table


def test_each_metric_equals_scikit_learns() -> None:
    table = predictions()
    found = comparison.summary(table)
    assert (found.patients, found.repeats, found.folds) == (100, 2, 10)
    of = {
        "accuracy": lambda y, p: metrics.accuracy_score(y, p > 0.5),
        "precision": lambda y, p: metrics.precision_score(y, p > 0.5),
        "recall": lambda y, p: metrics.recall_score(y, p > 0.5),
        "specificity": lambda y, p: metrics.recall_score(y, p > 0.5, pos_label=0),
        "f1": lambda y, p: metrics.f1_score(y, p > 0.5),
        "roc_auc": metrics.roc_auc_score,
        "pr_auc": metrics.average_precision_score,
        "log_loss": lambda y, p: metrics.log_loss(y, np.clip(p, 1e-7, 1 - 1e-7)),
        "brier": metrics.brier_score_loss,
    }
    for recipe, figures in found.recipes.items():
        assert set(figures.by_name) == {*of, "ece"}
        groups = [group for _, group in table[table["recipe"] == recipe].groupby("repeat")]
        for name, judge in of.items():
            values = [judge(group["diagnosis"], group["probability"]) for group in groups]
            assert figures.by_name[name].mean == pytest.approx(np.mean(values), rel=1e-12)
            assert figures.by_name[name].sd == pytest.approx(np.std(values, ddof=1), rel=1e-9)


def test_the_interval_is_a_t_interval_with_the_corrected_variance() -> None:
    values = RANDOM.normal(size=30)
    mean, low, high = comparison.corrected_interval(values, folds=10)
    error = math.sqrt((1 / 30 + 1 / 9) * values.var(ddof=1))
    assert mean == values.mean()
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 29, loc=mean, scale=error), rel=1e-9)


def test_an_interval_is_centred_on_the_value_that_is_printed_beside_it() -> None:
    table = predictions(repeats=3, patients=300)
    found = comparison.summary(table)
    for name, metrics_ in found.recipes.items():
        folds = table[table["recipe"] == name].groupby(["repeat", "fold"])
        for metric, value in metrics_.by_name.items():
            if metric == "ece":
                assert (value.of_folds, value.low, value.high) == (None, None, None)
                continue
            assert value.of_folds is not None
            assert value.low is not None
            assert value.high is not None
            if value.low > 0 and value.high < 1:  # neither end is clipped
                assert value.of_folds == pytest.approx((value.low + value.high) / 2, rel=1e-9)
        of_folds = folds.apply(lambda one: metrics.average_precision_score(one["diagnosis"], one["probability"]))
        assert metrics_.pr_auc.of_folds == pytest.approx(of_folds.mean())
        assert metrics_.pr_auc.of_folds != pytest.approx(metrics_.pr_auc.mean, abs=1e-4)
        calibrated = found.calibration[name]
        ends = (calibrated.intercept_low or 0.0) + (calibrated.intercept_high or 0.0)
        assert calibrated.intercept.mean == pytest.approx(ends / 2, rel=1e-9)
    for difference in found.differences:
        low, high = difference.log_loss.low or 0.0, difference.log_loss.high or 0.0
        assert difference.log_loss.mean == pytest.approx((low + high) / 2, rel=1e-9)


def test_the_number_of_comparisons_is_stated() -> None:
    table = predictions(("logistic", "svc", "stacking"))
    found = comparison.summary(table)
    assert found.comparisons == 3
    assert "There are 6 comparisons (3 pairs of recipes" in explanations.multiplicity(found.comparisons)
    assert "about 0.3 would" in explanations.multiplicity(found.comparisons)
    assert "2 comparisons (1 pair of recipes" in explanations.multiplicity(1)
    assert explanations.multiplicity(0) == "No recipes are compared."


def test_differences_are_paired_by_fold() -> None:
    table = predictions()
    (difference,) = comparison.summary(table).differences
    assert (difference.recipe, difference.minus) == ("svc", "logistic")
    table["right"] = (table["probability"] > 0.5) == (table["diagnosis"] == 1)
    shares = table.pivot_table(index=["repeat", "fold"], columns="recipe", values="right")
    expected = comparison.corrected_interval((shares["svc"] - shares["logistic"]).to_numpy(), folds=10)
    assert tuple(vars(difference.accuracy).values()) == pytest.approx(expected, rel=1e-9)
    assert not hasattr(difference, "ece")


def test_a_recipe_and_its_copy_do_not_differ() -> None:
    table = predictions(("logistic",))
    (difference,) = comparison.summary(pd.concat([table, table.assign(recipe="svc")])).differences
    assert difference.log_loss == results.NO_DIFFERENCE


def test_calibration_is_that_of_each_repeat_and_not_of_the_mean_probability() -> None:
    table = predictions(repeats=3).sample(frac=1, random_state=0)
    found = comparison.summary(table)
    assert list(found.calibration) == ["logistic", "svc"]
    for recipe, evaluated in found.calibration.items():
        repeats = [group for _, group in table[table["recipe"] == recipe].groupby("repeat")]
        alone = [calibration.summary(group["diagnosis"], group["probability"]) for group in repeats]
        for name, spread in evaluated.spreads.items():
            values = np.array([one.spreads[name].mean for one in alone], dtype=float)
            assert spread.mean == pytest.approx(np.mean(values), rel=1e-9)
            assert spread.sd == pytest.approx(np.std(values, ddof=1), rel=1e-9)
        assert evaluated.spiegelhalter_z == pytest.approx(np.mean([one.spiegelhalter_z for one in alone]), rel=1e-9)
        assert evaluated.brier.score == pytest.approx(found.recipes[recipe].brier.mean, rel=1e-9)
        assert evaluated.ece == pytest.approx(found.recipes[recipe].ece.mean, rel=1e-9)
        assert sum(one.rows for one in evaluated.bins) == pytest.approx(100)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda table: table.iloc[1:],
        lambda table: pd.concat([table, table.iloc[:1]]),
        lambda table: table.assign(fold=table["fold"].where(table.index != 5, 11)),
        lambda table: table.iloc[:0],
    ],
    ids=["a row lacks", "a row twice", "another fold", "nothing"],
)
def test_unpaired_predictions_are_rejected(spoil: object) -> None:
    with pytest.raises(WdbcError):
        comparison.summary(spoil(predictions()))  # type: ignore[operator]


def test_precision_is_undefined_without_a_malignant_prediction() -> None:
    assert math.isnan(comparison.compute_metrics([0, 1], [0.1, 0.2])["precision"])


def test_the_costliest_patients_are_those_with_the_largest_mean_loss() -> None:
    y, p = np.array([0, 0, 0, 1]), np.array([[0.5, 0.1, 0.1, 0.9], [0.5, 0.1, 0.1, 0.2]])
    losses = sorted([-np.log(0.5), -np.log(0.9), -np.log(0.9), -(np.log(0.9) + np.log(0.2)) / 2], reverse=True)
    found = comparison.costly_patients(y, p, patients=2)
    assert found.share == pytest.approx(sum(losses[:2]) / sum(losses))
    assert (found.patients, found.half) == (2, 2)
    assert comparison.costly_patients(y, p).patients == 4
    assert comparison.costly_patients(y, p).share == pytest.approx(1)
