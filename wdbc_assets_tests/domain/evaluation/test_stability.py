"""The summary of refits, computed again by hand, and its rules."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.evaluation import stability, stability_rules
from wdbc_assets.domain.evaluation.comparison import corrected_interval
from wdbc_assets.domain.evaluation.refits import Learning, RefitTask, RefitUnit, run, units
from wdbc_assets.domain.rules import findings
from wdbc_assets_tests import results
from wdbc_assets_tests.domain import validation


def test_instability_is_the_mean_difference_to_the_original() -> None:
    value = results.stability()
    original, *others = value.probabilities["probability"].to_numpy().reshape(11, 40)
    of_patients = np.array([np.mean([abs(p[n] - original[n]) for p in others]) for n in range(40)])
    assert value.summary.error == pytest.approx(of_patients.mean(), abs=1e-12)
    assert value.summary.largest_error == pytest.approx(np.quantile(of_patients, 0.95), abs=1e-12)
    changes = np.mean([(p[n] > 0.5) != (original[n] > 0.5) for p in others for n in range(40)])
    assert value.summary.class_changes == pytest.approx(changes, abs=1e-12)


def test_optimism_is_own_minus_everyone_and_is_subtracted() -> None:
    value = results.stability()
    original, *others = value.developments
    for name, found in value.summary.optimism.items():
        differences = [getattr(one.own, name) - getattr(one.everyone, name) for one in others]
        assert found.apparent == getattr(original.own, name)
        assert found.optimism == pytest.approx(np.mean(differences), abs=1e-12)
        assert found.error == pytest.approx(np.std(differences, ddof=1) / np.sqrt(10), abs=1e-12)
        assert found.corrected == pytest.approx(found.apparent - np.mean(differences), abs=1e-12)
    assert list(value.summary.optimism) == ["log_loss", "roc_auc"]


def test_directions_count_the_refits_with_the_same_one() -> None:
    summary = results.stability().summary
    assert summary.signs is not None
    assert [sign.column for sign in summary.signs] == list(contract.FEATURES)
    assert [sign.share for sign in summary.signs] == [1.0] * 29 + [0.5]
    assert summary.stable_signs == 29
    other = results.stability(linear=False).summary
    assert (other.signs, other.stable_signs) == (None, None)


def test_the_learning_curve_is_paired_with_a_corrected_interval() -> None:
    summary = results.stability().summary
    assert [point.rows for point in summary.learning] == [8, 16, 24]
    assert summary.largest_part == 32
    first = summary.learning[0].log_loss
    expected = corrected_interval(np.array([0.04, 0.05, 0.06]), folds=5)
    assert (first.mean, first.low, first.high) == pytest.approx(expected, abs=1e-12)


def test_a_part_without_a_loss_in_a_split_cannot_be_said() -> None:
    value = results.stability()
    learning = (Learning(rows=(8, 16, 24, 32), log_loss=(None, 0.1, 0.09, 0.08)), *value.learning[1:])
    p = value.probabilities["probability"].to_numpy().reshape(11, 40)
    task = RefitTask(frame=value.probabilities, recipe="logistic", grid="full", folds=5, search_seed=42, seed=42)
    points = stability.summary(task, p, value.developments, learning).learning
    assert points[0].log_loss.mean is None
    assert points[0].reason == "some of these parts have too few patients of a class"
    assert points[1].log_loss.mean == pytest.approx(0.02 - 0.01 + 0.01)


def test_a_slope_that_a_refit_has_not_cannot_be_said() -> None:
    value = results.stability()
    first = value.developments[1]
    broken = replace(first, everyone=replace(first.everyone, slope=None))
    p = value.probabilities["probability"].to_numpy().reshape(11, 40)
    task = RefitTask(frame=value.probabilities, recipe="logistic", grid="full", folds=5, search_seed=42, seed=42)
    developments = (value.developments[0], broken, *value.developments[2:])
    slope = stability.summary(task, p, developments, value.learning).slope
    assert slope.mean is None
    assert slope.reason == "1 of 10 refits separate the classes, or predict all alike"


@pytest.mark.parametrize("seed", range(5))
def test_no_bin_has_fewer_than_ten_patients_and_all_are_in_one(seed: int) -> None:
    generator = np.random.default_rng(seed)
    original = generator.beta(0.3, 0.5, 60)
    bins = stability._bins(original, np.clip(original + 0.1 * generator.standard_normal((20, 60)), 0, 1))
    assert sum(one.patients for one in bins) == 60
    assert all(one.patients >= 10 for one in bins)
    assert (bins[0].low, bins[-1].high) == (0.0, 1.0)
    assert all(first.high == second.low for first, second in itertools.pairwise(bins))
    assert all(0 <= one.refit_low <= one.refit_high <= 1 for one in bins)


def test_all_patients_in_one_bin_are_one_bin() -> None:
    (found,) = stability._bins(np.full(12, 0.05), np.full((3, 12), 0.07))
    assert (found.low, found.high, found.patients) == (0.0, 1.0, 12)
    assert found.error == pytest.approx(0.02)


def broken(value: stability.Stability) -> list[str]:
    return [one.rule for one in findings.of_result(stability_rules.RULES, value) if not one.passed]


def with_summary(value: stability.Stability, **changes: Any) -> stability.Stability:
    return replace(value, summary=replace(value.summary, **changes))


def test_each_rule_is_broken_by_what_it_is_about() -> None:
    value = with_summary(results.stability(), error=0.02, class_changes=0.01)
    value = with_summary(value, log_loss=replace(value.summary.log_loss, apparent=0.05, corrected=0.08))
    assert broken(value) == []
    for changed in (
        replace(value, probabilities=value.probabilities[1:]),
        replace(value, developments=value.developments[1:]),
        replace(value, learning=value.learning[1:]),
        with_summary(value, bins=value.summary.bins[1:]),
        with_summary(value, selected=value.summary.selected[1:]),
    ):
        assert broken(changed) == ["every_refit_is_counted"]
    assert broken(with_summary(value, error=0.06)) == ["predictions_are_stable"]
    assert broken(with_summary(value, class_changes=0.06)) == ["predictions_are_stable"]
    better = replace(value.summary.log_loss, corrected=0.04)
    assert broken(with_summary(value, log_loss=better)) == ["optimism_is_corrected"]


@pytest.mark.nightly
def test_the_published_data_give_the_expected_figures() -> None:
    frame = validation.clean_frame()
    task = RefitTask(frame=frame, recipe="logistic", grid="full", folds=5, search_seed=42, seed=42)
    found = stability.assemble(task, {unit: run(task, unit) for unit in units(bootstraps=200, splits=10)}).summary
    assert found.error == pytest.approx(0.0169, abs=0.001)
    assert found.class_changes == pytest.approx(0.010, abs=0.002)
    assert found.log_loss.apparent == pytest.approx(0.0534, abs=0.0001)
    assert found.log_loss.corrected == pytest.approx(0.0826, abs=0.003)
    assert found.stable_signs == pytest.approx(15, abs=2)
    first, _, last = (point.log_loss.mean for point in found.learning)
    assert first == pytest.approx(0.035, abs=0.012)
    assert last == pytest.approx(0.007, abs=0.008)
    assert RefitUnit("original", 0) in units(bootstraps=2, splits=2)
