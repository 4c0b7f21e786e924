"""A fit by sums over partitions is the fit of the whole table, however the table is cut."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from wdbc_assets.domain.data import contract, membership, splitting
from wdbc_assets.domain.data.partitions import Draws
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import (
    fitting,
    order_statistics,
    prediction,
    recipes,
    summed_fit,
    summed_scores,
    summed_terms,
)
from wdbc_assets_tests.domain.partitioned import cuts, patients_in
from wdbc_assets_tests.domain.validation import clean_frame

FEATURES = list(contract.FEATURES)
RECIPES = ("logistic", "spline")


@cache
def by_sums(recipe: str, parts: int) -> fitting.Fit:
    frame = clean_frame()
    return summed_fit.search(patients_in(frame, cuts(len(frame), parts)), recipe=recipe, repeats=2).fit()


def probabilities(fit: fitting.Fit) -> "np.ndarray":
    return prediction.predict(fit.pipeline, clean_frame()[FEATURES])


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_fit_is_that_of_the_local_engine(recipe: str) -> None:
    split = splitting.split(clean_frame(), method="hash")
    local = fitting.fit(split.X_train, split.y_train, recipe=recipe, repeats=2, method="hash")
    ours = by_sums(recipe, 2)

    assert ours.winner == local.winner
    assert [one.rank for one in ours.candidates] == [one.rank for one in local.candidates]
    assert all(one.converged for one in ours.candidates)
    scores = [[one.fold_scores for one in fit.candidates] for fit in (ours, local)]
    np.testing.assert_allclose(scores[0], scores[1], rtol=0, atol=1e-9)
    np.testing.assert_allclose(probabilities(ours), probabilities(local), rtol=0, atol=1e-6)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("parts", [2, 7])
def test_the_number_of_partitions_changes_nothing(recipe: str, parts: int) -> None:
    one, other = by_sums(recipe, 1), by_sums(recipe, parts)
    assert one.winner == other.winner
    np.testing.assert_allclose(probabilities(one), probabilities(other), rtol=0, atol=1e-9)
    assert one.score == pytest.approx(other.score, abs=1e-9)


def test_an_empty_partition_one_of_a_single_class_and_skew_change_nothing() -> None:
    frame = clean_frame().sort_values("diagnosis", kind="stable", ignore_index=True)
    odd = [slice(0, 0), slice(0, 5), slice(5, 357), slice(357, 357), slice(357, 569)]
    found = summed_fit.search(patients_in(frame, odd), recipe="spline", repeats=2).fit()
    np.testing.assert_allclose(probabilities(found), probabilities(by_sums("spline", 1)), rtol=0, atol=1e-9)


def test_the_terms_are_those_of_the_local_engine_for_each_training_set() -> None:
    frame = clean_frame()
    draws = Draws(0.2, 42, 5, (42, 43))
    table = patients_in(frame, cuts(len(frame), 3))
    counted = order_statistics.count(table, draws)
    terms = summed_terms.learn("spline", table, draws, counted)
    split = splitting.split(frame, method="hash")
    digests = membership.digests(split.X_train)
    for s in (0, 3, 9):
        kept = np.ones(len(digests), dtype=bool)
        if s:
            fold_of = membership.fold_of(digests, folds=5, seed=42 + (s - 1) // 5)
            kept = fold_of != (s - 1) % 5
        local = recipes.named("spline").build(42)[:-1].fit(split.X_train[kept], split.y_train[kept])
        assert counted.rows[s] == kept.sum()
        np.testing.assert_array_equal(terms[s].offsets, local["terms"].offsets_)
        np.testing.assert_array_equal(terms[s].least, local["terms"].least_)
        knots = terms[s].knots
        assert knots is not None
        np.testing.assert_allclose(knots, local["terms"].knots_, rtol=1e-15)
        np.testing.assert_allclose(terms[s].centre, local["scale"].mean_, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(terms[s].scale, local["scale"].scale_, rtol=1e-12)


def test_order_statistics_are_exact_if_nearly_all_values_are_equal() -> None:
    frame = clean_frame()
    frame["area_mean"] = np.where(np.arange(len(frame)) % 97 == 0, frame["area_mean"], 500.0)
    frame["concavity_se"] = np.where(np.arange(len(frame)) % 3 == 0, 0.0, frame["concavity_se"])
    draws = Draws(0.2, 42, 5, (1,))
    table = patients_in(frame, cuts(len(frame), 4))
    counted = order_statistics.count(table, draws)
    positions = np.tile(np.array([0, 1, 40, 200, 300]), (6, 30, 1))
    found = order_statistics.at(table, draws, counted, positions)
    values = np.sort(splitting.split(frame, method="hash").X_train[FEATURES].to_numpy(), axis=0)
    np.testing.assert_array_equal(found[0], values[positions[0, 0]].T)


@pytest.mark.parametrize(
    ("recipe", "reason"),
    [(name, reason) for name, reason in summed_fit.REASONS.items()],
)
def test_a_recipe_without_a_form_by_sums_is_refused_with_the_reason(recipe: str, reason: str) -> None:
    table = patients_in(clean_frame(), cuts(569, 2))
    with pytest.raises(WdbcError, match=f"The recipe {recipe} cannot be fitted on a table in partitions: {reason}"):
        summed_fit.search(table, recipe=recipe).fit()


def test_every_recipe_has_sums_or_a_reason() -> None:
    assert {*RECIPES, *summed_fit.REASONS} == set(recipes.RECIPES)


def test_a_table_of_one_class_is_refused() -> None:
    frame = clean_frame()
    benign = frame[frame["diagnosis"] == 0]
    with pytest.raises(WdbcError, match="Number of malignant patients: 0; needed: at least 5"):
        summed_fit.search(patients_in(benign, cuts(len(benign), 2)), recipe="logistic").fit()


def test_the_scores_of_the_test_set_are_those_of_the_split() -> None:
    frame = clean_frame()
    fit = by_sums("logistic", 1)
    y, p = summed_scores.scores(patients_in(frame, cuts(569, 7)), fit, test_size=0.2, split_seed=42)
    split = splitting.split(frame, method="hash")
    expected = prediction.predict(fit.pipeline, split.X_test)
    assert sorted(zip(p.round(12), y, strict=True)) == sorted(zip(expected.round(12), split.y_test, strict=True))


def test_a_frame_without_rows_is_a_partition() -> None:
    assert len(patients_in(pd.DataFrame(clean_frame().iloc[:0]), [slice(0, 0)]).blocks[0].digests) == 0
