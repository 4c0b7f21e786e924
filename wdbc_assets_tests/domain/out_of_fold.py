"""Out-of-fold predictions for tests of the gate: those of a quick logistic regression, and what can be made of them.

The folds are those of `cross_validation`; nothing is searched, so that three repeats take a second.
"""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from wdbc_assets.domain.evaluation import cross_validation
from wdbc_assets.domain.evaluation.out_of_fold import PredictionsInTable, RecipePredictions
from wdbc_assets.domain.promotion import gate
from wdbc_assets.domain.promotion.gate import Verdict
from wdbc_assets_tests.domain import published

Array = NDArray[np.float64]
REPEATS = 3
LEAST = 1e-7  # as the log-loss clips, so that a loss can be added to each row


@cache
def _patients() -> tuple[Array, NDArray[np.int64]]:
    parts = published.split()
    X = pd.concat([parts.X_train, parts.X_test]).sort_index()
    y = pd.concat([parts.y_train, parts.y_test]).sort_index()
    return X.to_numpy(), y.to_numpy()


def predictions_of_model(*, mislabelled: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Return the predictions of a logistic regression that is fitted on labels of which a share is wrong."""
    X, y = _patients()
    learnt = np.where(np.random.default_rng(seed).random(len(y)) < mislabelled, 1 - y, y)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, solver="newton-cholesky"))
    parts = []
    for repeat in range(REPEATS):
        fold_of, probability = cross_validation.folds(pd.DataFrame({"diagnosis": y}), repeat), np.empty(len(y))
        for fold in range(cross_validation.OUTER_FOLDS):
            out = fold_of == fold
            answers = model.fit(X[~out], learnt[~out]).predict_proba(X[out])[:, 1]
            probability[out] = np.clip(answers, LEAST, 1 - LEAST)
        patients = {"repeat": repeat, "patient": np.arange(len(y)), "fold": fold_of, "diagnosis": y}
        parts.append(pd.DataFrame({**patients, "probability": probability}))
    return pd.concat(parts, ignore_index=True)


@cache
def _honest() -> pd.DataFrame:
    return predictions_of_model()


def honest() -> pd.DataFrame:
    """Return the predictions of that model fitted on the true labels; anybody may change them."""
    return _honest().copy()


def logits(predictions: pd.DataFrame) -> Array:
    """Return log-odds, shape (rows,)."""
    p = predictions["probability"].to_numpy()
    found: Array = np.log(p) - np.log1p(-p)
    return found


def with_logits(predictions: pd.DataFrame, values: Array) -> pd.DataFrame:
    """Return the predictions with other log-odds."""
    return predictions.assign(probability=1 / (1 + np.exp(-values)))


def with_loss(predictions: pd.DataFrame, more: Any) -> pd.DataFrame:
    """Return the predictions with so much more log-loss, row by row: the probability of the truth times exp(-more)."""
    malignant = predictions["diagnosis"] == 1
    of_truth = predictions["probability"].where(malignant, 1 - predictions["probability"]) * np.exp(-more)
    return predictions.assign(probability=of_truth.where(malignant, 1 - of_truth))


def both(candidate: pd.DataFrame, champion: pd.DataFrame, *, names: tuple[str, str]) -> pd.DataFrame:
    """Return one table of the predictions of a candidate's and of a champion's recipe."""
    return pd.concat([candidate.assign(recipe=names[0]), champion.assign(recipe=names[1])], ignore_index=True)


def of_recipe(predictions: pd.DataFrame) -> RecipePredictions:
    """Return the predictions of one recipe, which need not be named."""
    return PredictionsInTable(predictions.assign(recipe="logistic")).of("logistic")


def compare(table: pd.DataFrame, *, champion_predictions: pd.DataFrame | None = None, **options: Any) -> Verdict:
    """Compare a candidate with the champion."""
    champion = None if champion_predictions is None else of_recipe(champion_predictions)
    return gate.compare(PredictionsInTable(table), champion_predictions=champion, **options)
