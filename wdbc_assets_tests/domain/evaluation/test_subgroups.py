"""Recall and specificity by quarter of a measurement: the groups, their intervals, and what cannot be said."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.evaluation import comparison, explanations, intervals, subgroups
from wdbc_assets.domain.evaluation.results import MeasurementSubgroups, Subgroups
from wdbc_assets_tests.domain import out_of_fold, published

Array = NDArray[np.float64]


def divided(values: list[float], right: list[float] | None = None) -> Subgroups:
    hits = np.ones(len(values)) if right is None else np.array(right)
    return subgroups.by_quarter(np.array(values, dtype=np.float64), hits, undefined="there are no malignant patients")


def by_radius(recall: Subgroups) -> MeasurementSubgroups:
    return MeasurementSubgroups(measurement="radius_mean", recall=recall, specificity=divided([1.0]))


def test_the_rates_are_those_of_pandas_quarters_averaged_over_the_repeats() -> None:
    table = out_of_fold.honest().assign(recipe="logistic")
    found = comparison.summary(table, published.frame()).subgroups["logistic"]
    assert [one.measurement for one in found] == [one.column("mean") for one in contract.MEASUREMENTS]
    table["right"] = (table["probability"] > 0.5) == (table["diagnosis"] == 1)
    for one in found[:3]:
        table["value"] = published.frame()[one.measurement].to_numpy()[table["patient"]]
        for diagnosis, of in ((1, one.recall), (0, one.specificity)):
            members = table[table["diagnosis"] == diagnosis]
            first = members[members["repeat"] == 0]["value"].to_numpy()
            cuts = np.quantile(first, [0.25, 0.5, 0.75], method="inverted_cdf")
            shares = members.groupby(pd.cut(members["value"], [-np.inf, *cuts, np.inf]), observed=True)["right"].mean()
            assert [group.share.value for group in of.groups] == pytest.approx(shares.tolist())
            assert sum(group.patients for group in of.groups) == len(first)
            assert of.reason is None
    assert comparison.summary(table).subgroups == {}


def test_malignant_patients_with_small_nuclei_are_missed_most_often() -> None:
    """QUALITY: 47 of the 53 malignant patients with the smallest radius are recognized."""
    table = out_of_fold.honest().assign(recipe="logistic")
    radius = comparison.summary(table, published.frame()).subgroups["logistic"][0]
    lowest, *others = (group.share.value or 0.0 for group in radius.recall.groups)
    assert lowest == pytest.approx(0.887, abs=0.025)
    assert min(others) > 0.95
    assert "mean radius is among the smallest (10.95 to 15.06) are missed most often: 1" in explanations.most_missed(
        radius
    )


@pytest.mark.parametrize(
    ("values", "sizes", "reason"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2, 2], None),
        ([5, 5, 5, 5, 5, 5, 5, 5], [8], "all values are equal, so there are no quarters"),
        ([0, 7, 7, 7, 7, 7, 7, 7], [1, 7], "so many values are equal that there are fewer than four groups"),
        ([0, 0, 0, 0, 0, 1, 2, 3, 4], [5, 2, 2], "so many values are equal that there are fewer than four groups"),
        ([1, 2], [1, 1], "so many values are equal that there are fewer than four groups"),
        ([], [], "there are no malignant patients"),
    ],
    ids=["quarters", "constant", "two values", "many zeros", "two patients", "no patient"],
)
def test_equal_values_are_never_divided(values: list[float], sizes: list[int], reason: str | None) -> None:
    found = divided(values)
    assert [group.patients for group in found.groups] == sizes
    assert found.reason == reason
    ends = [end for group in found.groups for end in (group.smallest, group.largest)]
    assert ends == sorted(ends)
    assert all(before.largest < after.smallest for before, after in zip(found.groups, found.groups[1:], strict=False))


@pytest.mark.parametrize(
    ("recall", "sentence"),
    [
        (divided([]), "Whether malignant patients are missed more often by mean radius cannot be said: there are no"),
        (divided([2, 2]), "cannot be said: all values are equal"),
        (divided([1, 2, 3, 4]), "missed equally often in each group: 0.0 % of them."),
        (
            divided([1, 2, 3, 4], [1, 1, 1, 0.5]),
            "among the largest (4 to 4) are missed most often: 50.0 % of them, and 0.0 %",
        ),
        (
            divided([1, 2, 3, 4], [1, 0, 1, 0.4]),
            "among the middle (2 to 2) are missed most often: 100.0 % of them, and 20.0 %",
        ),
    ],
    ids=["nobody", "constant", "all right", "largest", "middle"],
)
def test_the_sentence_names_the_group_or_says_why_it_cannot(recall: Subgroups, sentence: str) -> None:
    assert sentence in explanations.most_missed(by_radius(recall))


def test_the_sentence_follows_the_evidence() -> None:
    worse = divided([1, 2, 3, 4], [0.25, 1, 1, 1])
    better = replace(worse, groups=worse.groups[::-1])
    assert explanations.most_missed(by_radius(worse)) != explanations.most_missed(by_radius(better))


def coverage(recall: float, patients: int, *, bootstrap: bool) -> float:
    """How often the interval of the mean over three repeats holds the true recall, in 400 draws of patients."""
    random, covered = np.random.default_rng(0), 0
    for _ in range(400):
        of_patients = random.beta(0.6 * recall, 0.6 * (1 - recall), size=patients)
        right = random.binomial(3, of_patients) / 3
        if bootstrap:
            low, high = np.quantile(right[random.integers(patients, size=(500, patients))].mean(axis=1), [0.025, 0.975])
        else:
            found = intervals.proportion(float(right.sum()), patients)
            low, high = found.low or 0.0, found.high or 0.0
        covered += low <= recall <= high
    return covered / 400


@pytest.mark.parametrize("recall", [0.9, 0.95, 0.98])
def test_the_interval_covers_as_often_as_it_states_and_a_bootstrap_does_not(recall: float) -> None:
    assert coverage(recall, 53, bootstrap=False) > 0.94
    assert coverage(recall, 53, bootstrap=True) < 0.95
