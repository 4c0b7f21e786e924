"""Importance: permutation importance of measurements, and contributions to a patient's log-odds.

Permutation importance permutes the three columns of a measurement together, because a single permuted column would be
replaced by a correlated one. Radius, perimeter and area still correlate above .98 with each other, so each of them
looks less important than the size that all three measure.

Contributions are exact for a linear recipe: its log-odds are an intercept plus one term per measurement. This holds
with principal components, which are linear, and with Yeo-Johnson, which transforms each column separately; the term
then belongs to the transformed measurement. A support vector machine or a stack has no such terms. pandas, numpy and
scikit-learn are imported inside functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.data import contract, preconditions
from wdbc_assets.domain.evaluation import ranking
from wdbc_assets.domain.modeling import linear, prediction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from wdbc_assets.domain.data import splitting
    from wdbc_assets.domain.modeling import fitting

FEWEST_REPEATS = 2  # for a standard deviation


def importance(split: splitting.Split, fit: fitting.Fit, *, repeats: int = 30, seed: int = 42) -> dict[str, Any]:
    """Return the importance of the measurements for a fitted pipeline, as plain numbers for JSON.

    `groups` has for each of the ten measurements the increase in log-loss on the test set if its three columns are
    permuted together: mean and standard deviation over the repeats, in descending order. `linear` is None for a
    nonlinear recipe. Otherwise it has the coefficients per standard deviation and, as `typical`, the contributions of
    two hypothetical patients with the mean measurements of the benign and of the malignant patients.

    Permutation importance: L. Breiman (2001), Mach. Learn. 45:5-32; for any model A. Fisher, C. Rudin, F. Dominici
    (2019), J. Mach. Learn. Res. 20(177).

    Raises:
        WdbcError: a setting is out of range.
    """
    from threadpoolctl import threadpool_limits

    preconditions.require_setting("repeats", repeats, fits=repeats >= FEWEST_REPEATS, allowed="2 or more; 30 is usual")
    preconditions.require_seed(seed)
    with threadpool_limits(limits=1):
        groups = _permuted(split, fit.pipeline, repeats=repeats, seed=seed)
        model = linear.linear(fit.pipeline)
        return {
            "recipe": fit.recipe,
            "winner": dict(fit.winner),
            "score": "log_loss",
            "repeats": repeats,
            "seed": seed,
            "rows": len(split.y_test),
            "groups": sorted(groups, key=lambda group: -float(group["mean"])),
            "linear": model and _described(model, split, fit.pipeline),
        }


def _permuted(split: splitting.Split, pipeline: Pipeline, *, repeats: int, seed: int) -> list[dict[str, Any]]:
    import numpy as np

    X, y = split.X_test, np.asarray(split.y_test, dtype=np.int64)
    before = _log_loss(y, prediction.predict(pipeline, X))
    generators = np.random.default_rng(seed).spawn(len(contract.MEASUREMENTS))
    groups = []
    for measurement, generator in zip(contract.MEASUREMENTS, generators, strict=True):
        columns = [measurement.column(statistic) for statistic in contract.STATISTICS]
        order = np.concatenate([generator.permutation(len(X)) for _ in range(repeats)])
        permuted = X.iloc[np.tile(np.arange(len(X)), repeats)].reset_index(drop=True)
        permuted[columns] = X[columns].to_numpy()[order]
        probabilities = prediction.predict(pipeline, permuted).reshape(repeats, len(X))
        increase = np.array([_log_loss(y, p) - before for p in probabilities])
        groups.append(
            {
                "measurement": measurement.name,
                "columns": columns,
                "mean": float(increase.mean()),
                "sd": float(increase.std(ddof=1)),
            }
        )
    return groups


def _log_loss(y: NDArray[np.int64], p: NDArray[np.float64]) -> float:
    import numpy as np

    return float(ranking.RankedRows(y, p, p > 0).metrics(np.ones((1, len(y))))["log_loss"][0])


def _described(model: linear.Linear, split: splitting.Split, pipeline: Pipeline) -> dict[str, Any]:
    means = split.X_train.groupby(split.y_train.to_numpy()).mean()  # benign, then malignant
    for X in (split.X_train, split.X_test, means):  # check exactness on all patients
        linear.require_same(pipeline, model, X)
    terms = model.contributions(means).to_numpy().tolist()
    return {
        "intercept": model.intercept,
        "coefficients": dict(zip(model.columns, model.coefficients.tolist(), strict=True)),
        "typical": {
            name: dict(zip(model.columns, of_class, strict=True))
            for name, of_class in zip(("benign", "malignant"), terms, strict=True)
        },
    }
