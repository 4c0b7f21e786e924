"""Findings: each says the figures that it was computed from, and is not said when it is not so."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from wdbc_assets.domain.data import contract, exploration, insights
from wdbc_assets_tests.domain import validation
from wdbc_assets_tests.domain.data.test_exploration import small

Frame = pd.DataFrame
FEATURES = list(contract.FEATURES)


def findings(frame: Frame) -> str:
    return "\n".join(exploration.explore(frame).findings)


def test_the_findings_of_the_published_patients() -> None:
    said = exploration.explore(validation.clean_frame()).findings
    assert [finding.partition(" ")[0] for finding in said] == [
        "212", "No", "The", "Best", "14", "22", "496", "Exactly",
    ]  # fmt: skip
    text = "\n".join(said)
    for part in (
        "212 of 569 patients are malignant (37.3 %): to call everyone benign is right for 62.7 %.",
        "No cell is missing, and no two patients have the same measurements.",
        "The order of the rows alone predicts the diagnosis (AUC 0.67): always shuffle.",
        "Best alone, by AUC: perimeter_worst (0.975), radius_worst (0.970) and area_worst (0.970).",
        "Not distinguishable from chance: fractal_dimension_mean, texture_se, smoothness_se and symmetry_se.",
        "radius, perimeter and area (mean, worst); radius, perimeter and area (se)",
        "most area_se (5.4)",
        "Exactly 0, so without a logarithm: concavity and concave points (mean, se, worst) in 13 patients.",
    ):
        assert part in text


def test_the_numbers_said_are_counted_here_in_another_way() -> None:
    frame = validation.clean_frame()
    text = findings(frame)
    r = np.corrcoef(frame[FEATURES].to_numpy(), rowvar=False) - np.eye(30)
    assert f"{(np.abs(r).max(axis=0) >= 0.9).sum()} of 30 measurements correlate at 0.9 or more" in text
    assert f"{(frame[FEATURES].skew().abs() > 1).sum()} of 30 measurements have a skew beyond 1" in text
    beyond = 0
    for _, of_class in frame.groupby("diagnosis")[FEATURES]:
        low, high = of_class.quantile(0.25), of_class.quantile(0.75)
        reach = 1.5 * (high - low)
        beyond += int(((of_class < low - reach) | (of_class > high + reach)).to_numpy().sum())
    assert f"{beyond} of 17070 values ({100 * beyond / 17070:.1f} %)" in text


CHANGED: dict[str, tuple[Callable[[Frame], Frame], str, str]] = {
    "balance": (
        lambda frame: frame.assign(diagnosis=1 - frame["diagnosis"]),
        "to call everyone benign is right for 62.7 %",
        "357 of 569 patients are malignant (62.7 %): to call everyone malignant is right for 62.7 %.",
    ),
    "duplicates": (
        lambda frame: pd.concat([frame, frame.iloc[[5]]], ignore_index=True),
        "no two patients have the same measurements",
        "No cell is missing; 1 patient has the measurements of an earlier one: one patient, twice?",
    ),
    "missing": (
        lambda frame: frame.assign(radius_se=frame["radius_se"].where(frame.index != 3)),
        "No cell is missing",
        "1 cell is missing; no two patients have the same measurements.",
    ),
    "both": (
        lambda frame: pd.concat([frame, frame.iloc[[5, 6]]]).assign(area_se=[math.nan] * 2 + [5.0] * 569),
        "No cell is missing",
        "2 cells are missing; 2 patients have the measurements of an earlier one: one patient, twice?",
    ),
    "row order": (
        lambda frame: frame.sample(frac=1, random_state=42, ignore_index=True),
        "always shuffle",
        "",
    ),
    "a constant": (
        lambda frame: frame.assign(texture_se=1.0, symmetry_se=2.0),
        "texture_se, smoothness_se and symmetry_se are",
        "The same in every patient, so without any use: texture_se and symmetry_se.",
    ),
    "the best": (
        lambda frame: frame.assign(texture_se=5.0 - frame["diagnosis"]),
        "Best alone, by AUC: perimeter_worst",
        "Best alone, by AUC: texture_se (1.000), perimeter_worst (0.975)",
    ),
    "no zeros": (
        lambda frame: frame.replace(0.0, 1e-6).assign(diagnosis=frame["diagnosis"]),
        "Exactly 0",
        "",
    ),
    "other zeros": (
        lambda frame: frame.assign(area_se=frame["area_se"].where(frame.index != 3, 0.0)),
        "(mean, se, worst) in 13 patients.",
        "concavity and concave points (mean, se, worst) in 13 patients; area (se) in 1 patient.",
    ),
    "another cluster": (
        lambda frame: frame.assign(symmetry_worst=-frame["symmetry_mean"]),
        "14 of 30",
        "16 of 30 measurements correlate at 0.9 or more with another.",
    ),
}


@pytest.mark.parametrize(("change", "gone", "said"), CHANGED.values(), ids=CHANGED)
def test_a_finding_changes_or_vanishes_with_the_data(change: Callable[[Frame], Frame], gone: str, said: str) -> None:
    after = findings(change(validation.clean_frame()))
    assert gone not in after
    assert said in after


def test_of_independent_symmetric_measurements_nothing_but_the_basics_is_said() -> None:
    said = exploration.explore(small(3000)).findings
    assert len(said) <= 4, said  # balance, gaps, chance; a few outliers more than a normal distribution has
    text = "\n".join(said)
    for part in ("Best alone", "correlate", "skew", "logarithm", "shuffle"):
        assert part not in text
    assert "Not distinguishable from chance: radius_mean, texture_mean, perimeter_mean and 27 more." in text


def test_what_separates_is_ranked_whichever_way_it_points() -> None:
    one = exploration.explore(validation.clean_frame()).measurements["radius_mean"]
    measurements = {name: replace(one, auc=auc) for name, auc in (("a", 0.6), ("b", 0.1), ("c", 0.5), ("d", 0.9))}
    assert insights.best_first(measurements) == ["b", "d", "a", "c"]


def test_the_spread_of_chance_is_that_of_shuffled_diagnoses() -> None:
    random = np.random.default_rng(1)
    aucs = []
    for _ in range(2000):
        ranks = random.permutation(60) + 1
        aucs.append((ranks[:20].sum() - 20 * 21 / 2) / (20 * 40))
    assert insights.chance_sd(40, 20) == pytest.approx(np.std(aucs), rel=0.05)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (["radius_worst", "radius_mean", "area_mean", "area_worst"], "radius and area (mean, worst)"),
        (["radius_worst", "area_mean"], "radius_worst and area_mean"),
        (["concave_points_se"], "concave points (se)"),
    ],
)
def test_columns_are_named_as_people_do_where_that_is_exact(columns: list[str], words: str) -> None:
    assert insights.in_words(columns) == words


def test_every_figure_of_a_finding_follows_from_the_stored_value_alone() -> None:
    stored = exploration.explore(validation.clean_frame())
    assert tuple(insights.findings(replace(stored, findings=()))) == stored.findings
