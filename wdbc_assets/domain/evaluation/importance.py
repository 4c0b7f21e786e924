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
    """Say what the fitted pipeline goes by; gives plain numbers, ready for JSON.

    `groups` has for each of the ten measurements by how much the log-loss on the test part grows when its three
    columns are permuted together: mean and standard deviation over the repeats, the largest first. `linear` is None for
    a recipe that is not linear, and else has the coefficients per standard deviation, and as `typical` the
    contributions of two patients who do not exist, with the mean measurements of the benign and of the malignant.

    Permutation importance: L. Breiman (2001), Mach. Learn. 45:5-32; for any model A. Fisher, C. Rudin, F. Dominici
    (2019), J. Mach. Learn. Res. 20(177). Raises WdbcError for a setting out of range.
    """
    from threadpoolctl import threadpool_limits

    preconditions.require_setting("repeats", repeats, fits=repeats >= FEWEST_REPEATS, allowed="2 or more; 30 is usual")
    preconditions.require_seed(seed)
    with threadpool_limits(limits=1):
        groups = _permuted(split, fit.pipeline, repeats=repeats, seed=seed)
        found = linear.linear(fit.pipeline)
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
    before = _log_loss(y, prediction.predict(pipeline, X))
    generators = np.random.default_rng(seed).spawn(len(contract.MEASUREMENTS))
    groups = []
    for measurement, generator in zip(contract.MEASUREMENTS, generators, strict=True):
        columns = [measurement.column(statistic) for statistic in contract.STATISTICS]
        deals = np.concatenate([generator.permutation(len(X)) for _ in range(repeats)])
        changed = X.iloc[np.tile(np.arange(len(X)), repeats)].reset_index(drop=True)
        changed[columns] = X[columns].to_numpy()[deals]
        answers = prediction.predict(pipeline, changed).reshape(repeats, len(X))
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


def _described(found: linear.Linear, split: splitting.Split, pipeline: Pipeline) -> dict[str, Any]:
    means = split.X_train.groupby(split.y_train.to_numpy()).mean()  # benign, then malignant
    for X in (split.X_train, split.X_test, means):  # that it is exact is tried on every patient there is
        linear.require_same(pipeline, found, X)
    terms = found.contributions(means).to_numpy().tolist()
    return {
        "intercept": found.intercept,
        "coefficients": dict(zip(found.columns, found.coefficients.tolist(), strict=True)),
        "typical": {
            name: dict(zip(found.columns, of_class, strict=True))
            for name, of_class in zip(("benign", "malignant"), terms, strict=True)
        },
    }
