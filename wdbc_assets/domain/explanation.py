"""What a model goes by: how much worse it gets without a measurement, and what each adds to one patient's log-odds.

Without a measurement means with its three columns dealt out anew among the patients, the same deal for all three:
radius, perimeter and area correlate above .98, and a single column permuted is replaced by its twins. It still is so
for the groups of those three measurements: each alone looks less important than the size that they all tell of.

The second is exact for a linear recipe: its log-odds are an intercept and one term for each measurement. Principal
components keep them so, for they are linear; Yeo-Johnson does too, for it changes each column by itself, and the term
is then one of the transformed measurement. A support vector machine or a stack has no such terms, and none are made up.
pandas, numpy and scikit-learn are imported where they are used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain import contract, evaluation, inputs, ranking
from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from wdbc_assets.domain import modeling, splitting

TOLERANCE = 1e-9  # of a sum of contributions, in log-odds, and of the probability that it gives
FEWEST_REPEATS = 2  # for a standard deviation


@dataclass(frozen=True)
class Linear:
    """A linear pipeline as one sum: log-odds = intercept + coefficients x standardised measurements.

    `standardise` are the pipeline's first steps, which treat each column by itself; `coefficients` are per standard
    deviation of what they give, one for each of `columns`.
    """

    standardise: Pipeline
    columns: tuple[str, ...]
    coefficients: NDArray[np.float64]
    intercept: float

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Give what each measurement of each row adds to the log-odds, in the form of X."""
        import pandas as pd

        terms = self.standardise.transform(X) * self.coefficients
        return pd.DataFrame(terms, index=X.index, columns=list(self.columns))


def linear(pipeline: Pipeline) -> Linear | None:
    """Write a fitted pipeline as one sum; None if it is not linear in its standardised measurements.

    Linear is a logistic regression after steps that treat each column by itself (standardisation, Yeo-Johnson), and
    then any that are affine maps (principal components).
    """
    import numpy as np
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import PowerTransformer, StandardScaler

    *transformers, model = (step for _, step in pipeline.steps)
    kinds = [type(step) for step in transformers]
    by_column = next((n for n, kind in enumerate(kinds) if kind not in (PowerTransformer, StandardScaler)), len(kinds))
    if type(model) is not LogisticRegression or not by_column or any(kind is not PCA for kind in kinds[by_column:]):
        return None
    columns = tuple(str(name) for name in pipeline.feature_names_in_)
    # What an affine map does to nothing, and to one of each, is all that there is to know of it.
    probes = np.vstack([np.zeros(len(columns)), np.eye(len(columns))])
    for step in transformers[by_column:]:
        probes = step.transform(probes)
    answers = probes @ model.coef_[0] + float(np.ravel(model.intercept_)[0])
    return Linear(pipeline[:by_column], columns, answers[1:] - answers[0], float(answers[0]))


def importance(split: splitting.Split, fit: modeling.Fit, *, repeats: int = 30, seed: int = 42) -> dict[str, Any]:
    """Say what the fitted pipeline goes by; gives plain numbers, ready for JSON.

    `groups` has for each of the ten measurements by how much the log-loss on the test part grows when its three
    columns are permuted together: mean and standard deviation over the repeats, the largest first. `linear` is None for
    a recipe that is not linear, and else has the coefficients per standard deviation, and as `typical` the
    contributions of two patients who do not exist, with the mean measurements of the benign and of the malignant.

    Permutation importance: L. Breiman (2001), Mach. Learn. 45:5-32; for any model A. Fisher, C. Rudin, F. Dominici
    (2019), J. Mach. Learn. Res. 20(177). Raises WdbcError for a setting out of range.
    """
    from threadpoolctl import threadpool_limits

    inputs.require_setting("repeats", repeats, fits=repeats >= FEWEST_REPEATS, allowed="2 or more; 30 is usual")
    inputs.require_seed(seed)
    with threadpool_limits(limits=1):
        groups = _permuted(split, fit.pipeline, repeats=repeats, seed=seed)
        found = linear(fit.pipeline)
        return {
            "recipe": fit.recipe,
            "winner": dict(fit.winner),
            "score": "log_loss",
            "repeats": repeats,
            "seed": seed,
            "rows": len(split.y_test),
            "groups": sorted(groups, key=lambda group: -float(group["mean"])),
            "linear": found and _described(found, split, fit.pipeline),
        }


def _permuted(split: splitting.Split, pipeline: Pipeline, *, repeats: int, seed: int) -> list[dict[str, Any]]:
    import numpy as np

    X, y = split.X_test, np.asarray(split.y_test, dtype=np.int64)
    before = _log_loss(y, evaluation.predict(pipeline, X))
    generators = np.random.default_rng(seed).spawn(len(contract.MEASUREMENTS))
    groups = []
    for measurement, generator in zip(contract.MEASUREMENTS, generators, strict=True):
        columns = [measurement.column(statistic) for statistic in contract.STATISTICS]
        deals = np.concatenate([generator.permutation(len(X)) for _ in range(repeats)])
        changed = X.iloc[np.tile(np.arange(len(X)), repeats)].reset_index(drop=True)
        changed[columns] = X[columns].to_numpy()[deals]
        answers = evaluation.predict(pipeline, changed).reshape(repeats, len(X))
        worse = np.array([_log_loss(y, answer) - before for answer in answers])
        groups.append(
            {
                "measurement": measurement.name,
                "columns": columns,
                "mean": float(worse.mean()),
                "sd": float(worse.std(ddof=1)),
            }
        )
    return groups


def _log_loss(y: NDArray[np.int64], p: NDArray[np.float64]) -> float:
    import numpy as np

    return float(ranking.RankedRows(y, p, p > 0).metrics(np.ones((1, len(y))))["log_loss"][0])


def _described(found: Linear, split: splitting.Split, pipeline: Pipeline) -> dict[str, Any]:
    means = split.X_train.groupby(split.y_train.to_numpy()).mean()  # benign, then malignant
    for X in (split.X_train, split.X_test, means):  # that it is exact is tried on every patient there is
        _require_same(pipeline, found, X)
    terms = found.contributions(means).to_numpy().tolist()
    return {
        "intercept": found.intercept,
        "coefficients": dict(zip(found.columns, found.coefficients.tolist(), strict=True)),
        "typical": {
            name: dict(zip(found.columns, of_class, strict=True))
            for name, of_class in zip(("benign", "malignant"), terms, strict=True)
        },
    }


def _require_same(pipeline: Pipeline, found: Linear, X: pd.DataFrame) -> None:
    """Raise WdbcError unless the sums are the pipeline's log-odds, and give its probabilities.

    The log-odds are those of which `predict_proba` takes the logistic function, and not the logarithm of what it gives:
    near 1 a probability no longer holds nine digits of its odds.
    """
    import numpy as np
    from scipy.special import expit

    p = evaluation.predict(pipeline, X)
    sums = found.intercept + found.contributions(X).to_numpy().sum(axis=1)
    apart = max(float(np.abs(sums - pipeline.decision_function(X)).max()), float(np.abs(expit(sums) - p).max()), 0.0)
    if math.isnan(apart) or apart > TOLERANCE:
        raise WdbcError(
            f"What the measurements contribute adds up to something else than the log-odds, by {apart:.2g}.",
            where="the explanation of a linear recipe",
            mend="This is a fault of the program: report it with the recipe and the version of scikit-learn.",
        )
