"""The recipe blend: the mean of two models, each against an independent construction."""

import functools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import ExtraTreesClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from wdbc_assets.domain.modeling import compiling, fitting, linear, prediction, recipes
from wdbc_assets.store import skops_files
from wdbc_assets_tests import champions
from wdbc_assets_tests.domain import published
from wdbc_assets_tests.domain.modeling.test_log_terms import independent


class ByFormula(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn publishes no types
    """The terms of each measurement by the formulas: logarithms with cubic terms, or measurements with logarithms."""

    def __init__(self, cubic: bool = True) -> None:
        self.cubic = cubic

    def fit(self, X: pd.DataFrame, y: Any = None) -> "ByFormula":
        self.columns_ = X.to_numpy().T
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        pairs = [independent(train, new) for train, new in zip(self.columns_, X.to_numpy().T, strict=True)]
        logs, cubics = (np.column_stack(terms) for terms in zip(*pairs, strict=True))
        return np.hstack([logs, cubics] if self.cubic else [X.to_numpy(), logs])


@functools.cache
def fitted() -> fitting.Fit:
    X, _, y, _ = published.split()
    return fitting.fit(X, y, recipe="blend", grid="small", repeats=1)


@functools.cache
def with_few_trees() -> Pipeline:
    """The same pipeline with five trees, whose file is small."""
    X, _, y, _ = published.split()
    pipeline = recipes.named("blend").build(42).set_params(blend__stack__trees__n_estimators=5)
    return pipeline.fit(X, y)


def test_the_log_odds_are_the_mean_of_both_models() -> None:
    X_test = published.split().X_test
    model = fitted().pipeline[0]
    log_odds = [part.decision_function(X_test) for part in (model.spline_, model.stack_)]
    expected = (log_odds[0] + log_odds[1]) / 2
    np.testing.assert_allclose(model.decision_function(X_test), expected, rtol=0, atol=1e-12)
    p = prediction.predict(fitted().pipeline, X_test)
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-expected)), rtol=1e-12)
    assert (fitted().pipeline.predict(X_test) == (p > 0.5)).all()
    assert model.predict_proba(X_test).sum(axis=1) == pytest.approx(np.ones(114))


def test_its_spline_is_the_recipe_spline_with_its_penalty_and_temperature() -> None:
    X, X_test, y, _ = published.split()
    alone = fitting.fit(X, y, recipe="spline", grid="small", repeats=1)
    assert fitted().winner == {f"blend__spline__{name}": value for name, value in alone.winner.items()}
    assert fitted().score == alone.score
    assert [one.params for one in fitted().candidates] == [{"blend__spline__logistic__C": 1.0}]
    spline = fitted().pipeline[0].spline_
    assert (spline.decision_function(X_test) == alone.pipeline.decision_function(X_test)).all()


@pytest.mark.slow
def test_its_stack_equals_one_of_plain_scikit_learn_on_terms_by_the_formulas() -> None:
    X, X_test, y, _ = published.split()
    ridge = LogisticRegression(C=0.3, solver="newton-cholesky", tol=1e-8)
    stack = StackingClassifier(
        [
            ("ridge", make_pipeline(ByFormula(), StandardScaler(), ridge)),
            ("svc", make_pipeline(ByFormula(cubic=False), StandardScaler(), SVC(C=10, gamma=0.005))),
            ("trees", ExtraTreesClassifier(300, random_state=42)),
        ],
        LogisticRegression(solver="newton-cholesky", tol=1e-8),
        cv=StratifiedKFold(5, shuffle=True, random_state=42),
    ).fit(X, y)
    expected = stack.predict_proba(X_test)[:, 1]
    ours = fitted().pipeline[0].stack_.predict_proba(X_test)[:, 1]
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5)


def test_it_is_neither_compiled_nor_explained_as_a_sum() -> None:
    assert compiling.compile_pipeline(fitted().pipeline) is None
    assert linear.linear(fitted().pipeline) is None


def test_a_stored_blend_predicts_the_same_after_its_trees_and_machine_were_checked() -> None:
    content = skops_files.to_skops(with_few_trees())
    skops_files._known.clear()
    loaded = skops_files.from_skops(content)
    X = champions.split().X_test
    assert prediction.predict(loaded, X).tobytes() == prediction.predict(with_few_trees(), X).tobytes()
    assert {"Tree", "SVC"} <= {type(part).__name__ for part in skops_files._parts(loaded)}


def test_a_tree_that_reads_beyond_its_nodes_is_rejected_inside_a_blend() -> None:
    pipeline = skops_files._load(skops_files.to_skops(with_few_trees()))
    tree = pipeline[0].stack_.named_estimators_["trees"].estimators_[3].tree_
    tree.children_left[0] = tree.node_count + 1
    with pytest.raises(ValueError, match=r"^$"):
        skops_files._require_sound(pipeline)
