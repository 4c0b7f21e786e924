"""Scores without input checks equal those of scikit-learn."""

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer

from wdbc_assets.domain.modeling import scores
from wdbc_assets_tests.domain import published


@pytest.mark.parametrize("name", ["accuracy", "neg_log_loss", "roc_auc"])
@pytest.mark.parametrize("C", [1e-6, 1.0, 1e6])
def test_each_score_equals_scikit_learns(name: str, C: float) -> None:
    X, X_test, y, y_test = published.split()
    X, X_test = X[["area_worst", "texture_worst"]] / 100, X_test[["area_worst", "texture_worst"]] / 100
    model = LogisticRegression(C=C, max_iter=10_000).fit(X, y)
    ours = scores.scorer(name)(model, X_test, y_test.to_numpy())
    assert ours == pytest.approx(get_scorer(name)(model, X_test, y_test), rel=1e-15)


def test_a_certain_but_wrong_prediction_scores_as_in_scikit_learn() -> None:
    X, _, y, _ = published.split()
    model = LogisticRegression().fit(X[["area_worst"]] / 100, y)
    model.coef_ *= 1e6
    ours = scores.scorer("neg_log_loss")(model, X[["area_worst"]] / 100, y.to_numpy())
    assert ours == pytest.approx(get_scorer("neg_log_loss")(model, X[["area_worst"]] / 100, y), rel=1e-12)
    assert ours < -1
