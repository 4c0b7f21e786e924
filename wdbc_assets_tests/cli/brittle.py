"""`wdbc` with one repeat of five folds and two recipes more: a program that each worker imports again, but no test.

`brittle` cannot be fitted without patient 1 while the file `broken` lies in the current folder; `slow` takes its time,
and far too much of it while the file `hang` lies there.
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from wdbc_assets.domain.evaluation import cross_validation
from wdbc_assets.domain.modeling import recipes

FIRST_RADIUS = 17.99  # of patient 1, and of no other with the same texture
FIRST_TEXTURE = 10.38


class NeedsPatientOne(StandardScaler):  # type: ignore[misc] # scikit-learn publishes no types
    def fit(self, X: pd.DataFrame, y: Any = None, sample_weight: Any = None) -> "NeedsPatientOne":
        there = ((X["radius_mean"] == FIRST_RADIUS) & (X["texture_mean"] == FIRST_TEXTURE)).any()
        if Path("broken").exists() and not there:
            raise TypeError("patient 1 is needed")
        super().fit(X, y, sample_weight)
        return self


class Slow(StandardScaler):  # type: ignore[misc] # scikit-learn publishes no types
    def fit(self, X: pd.DataFrame, y: Any = None, sample_weight: Any = None) -> "Slow":
        if Path("hang").exists():
            Path("hanging").touch()
            time.sleep(600)
        time.sleep(0.3)
        super().fit(X, y, sample_weight)
        return self


@recipes.recipe(scoring="neg_log_loss", full=[{}], small=[{}])
def brittle(seed: int) -> Pipeline:
    """Needs patient 1."""
    return Pipeline([("scale", NeedsPatientOne()), ("logistic", LogisticRegression(random_state=seed))])


@recipes.recipe(scoring="neg_log_loss", full=[{}], small=[{}])
def slow(seed: int) -> Pipeline:
    """Takes a third of a second a fold."""
    return Pipeline([("scale", Slow()), ("logistic", LogisticRegression(random_state=seed))])


# Only to save time.
recipes.PROTOCOLS["quick"] = 1
cross_validation.OUTER_FOLDS = 5
for _name in (recipes.BASELINE, "logistic", "spline"):
    recipes.RECIPES[_name] = replace(recipes.named(_name), grids={"full": [{}]})


if __name__ == "__main__":
    from wdbc_assets.cli import main

    main()
