"""The recipes: named, unfitted pipelines, each with the grids of hyperparameters to search.

A recipe is a function that builds a pipeline, with a decorator that states its score and its grids. To add a recipe,
add such a function and a test. Nothing is fitted here (see `fitting`). scikit-learn is imported only when a pipeline is
built, because the command line and the Dagster definitions list the names in this module.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sklearn.pipeline import Pipeline

Parameter = float | str
Parameters = Mapping[str, Parameter]
Scoring = Literal["accuracy", "neg_log_loss"]

DEFAULT = "logistic"
BASELINE = "airflow_baseline"
GRIDS = ("full", "small")
PROTOCOLS = {"quick": 3, "full": 10}
"""The number of repeats of the ten folds in repeated cross-validation."""

RENAMED = {"seed_baseline": BASELINE}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """An unfitted pipeline and its grids of hyperparameters.

    `build(seed)` returns the pipeline; only steps that draw random numbers use the seed (such as saga's order of rows).
    `scoring` is scikit-learn's name of the score by which cross-validation selects the winner; higher is better.
    """

    name: str
    summary: str
    scoring: Scoring
    build: Callable[[int], Pipeline]
    grids: Mapping[str, Sequence[Parameters]]

    def candidates(self, grid: str) -> tuple[Parameters, ...]:
        """Return the candidates of a grid in the order that breaks ties: by name, then by value, ascending.

        This is the order of scikit-learn's ParameterGrid over ascending values. On equal scores the winner is therefore
        the one that GridSearchCV selects, in whatever order the grid is written. Because C is the first name, that is
        the more strongly penalized model.

        Raises:
            WdbcError: the grid is unknown or empty.
        """
        if grid not in self.grids:
            raise WdbcError(
                f"There is no grid {grid!r} for the recipe {self.name}.",
                where="grid",
                hint=f"Choose one of: {', '.join(self.grids)}.",
            )
        if not self.grids[grid]:
            raise WdbcError(
                f"The grid {grid!r} of the recipe {self.name} is empty: there is nothing to fit.",
                where="grid",
                hint="Add at least one candidate.",
            )
        return tuple(sorted(self.grids[grid], key=_by_name_and_value))


def _by_name_and_value(parameters: Parameters) -> list[tuple[str, str, Parameter]]:
    return [(name, type(value).__name__, value) for name, value in sorted(parameters.items())]


def label(parameters: Parameters) -> str:
    """Return a candidate as text for messages and tables: `logistic__C=1.0, pca__n_components=0.9`."""
    return ", ".join(f"{name}={value}" for name, value in sorted(parameters.items())) or "default parameters"


RECIPES: dict[str, Recipe] = {}


def named(name: str) -> Recipe:
    """Return the recipe of this name.

    Raises:
        WdbcError: there is none, with the names that exist, or the recipe was renamed, with its new name.
    """
    if name in RECIPES:
        return RECIPES[name]
    if name in RENAMED:
        new = RENAMED[name]
        raise WdbcError(f"The recipe {name} was renamed to {new}.", where="recipe", hint=f"Use the name {new}.")
    raise WdbcError(
        f"There is no recipe {name!r}.", where="recipe", hint=f"Choose one of: {', '.join(sorted(RECIPES))}."
    )


def rejection(name: str) -> str:
    """Return why a setting or an option cannot be this name: the recipe was renamed, or does not exist.

    An unknown name is left out: a mistyped setting may contain a credential.
    """
    if name in RENAMED:
        return f"{name} was renamed to {RENAMED[name]}"
    return f"unknown recipe; possible: {', '.join(RECIPES)}"


def recipe(
    *, scoring: Scoring, full: Sequence[Parameters], small: Sequence[Parameters]
) -> Callable[[Callable[[int], Pipeline]], Callable[[int], Pipeline]]:
    """Register the decorated function as a recipe of its name; the first line of its docstring is the summary."""

    def register(build: Callable[[int], Pipeline]) -> Callable[[int], Pipeline]:
        summary = (build.__doc__ or "").partition("\n")[0]
        grids = dict(zip(GRIDS, (full, small), strict=True))
        name = build.__name__
        RECIPES[name] = Recipe(name=name, summary=summary, scoring=scoring, build=build, grids=grids)
        return build

    return register


def _grid(**values: Sequence[Parameter]) -> list[Parameters]:
    return [dict(zip(values, combination, strict=True)) for combination in itertools.product(*values.values())]


# The share of the variance that the principal components must explain, and the inverse strength of the penalty, both as
# in the reference Airflow project.
_EXPLAINED = (0.9, 0.95)
_AIRFLOW_C = (0.01, 0.1, 1.0, 10.0, 100.0)

# l1_ratio selects the penalty (0 ridge, 1 lasso, between them the elastic net); scikit-learn 1.9 deprecates `penalty`.
# Ridge is smooth, and newton-cholesky solves it to rounding error in a few steps; saga solves the others. liblinear
# would be faster for the lasso, but it also penalizes the intercept, which is a different problem.
_RIDGE: dict[str, Sequence[Parameter]] = {
    "logistic__l1_ratio": (0.0,),
    "logistic__solver": ("newton-cholesky",),
}
_LASSO_AND_ELASTIC_NET: dict[str, Sequence[Parameter]] = {
    "logistic__l1_ratio": (0.5, 1.0),
    "logistic__solver": ("saga",),
}
_AIRFLOW_GRID: dict[str, Sequence[Parameter]] = {
    "pca__n_components": _EXPLAINED,
    "logistic__C": _AIRFLOW_C,
    "logistic__fit_intercept": (False, True),
}


@recipe(
    scoring="accuracy",
    full=_grid(pca__n_components=_EXPLAINED, logistic__C=_AIRFLOW_C),
    small=_grid(pca__n_components=(0.95,), logistic__C=(1.0,)),
)
def airflow_baseline(seed: int) -> Pipeline:
    """Principal components and ridge logistic regression as the reference Airflow project fitted them, by accuracy.

    That project's grid also contained l1 and elastic net, which its solver (lbfgs) does not support: two of three fits
    failed and were dropped with a warning. This grid has only the ten candidates that can be fitted. They reproduce the
    metrics that the project published.
    """
    from sklearn.linear_model import LogisticRegression

    return _on_principal_components(LogisticRegression(random_state=seed))


@recipe(
    scoring="accuracy",
    full=_grid(**_AIRFLOW_GRID, **_RIDGE) + _grid(**_AIRFLOW_GRID, **_LASSO_AND_ELASTIC_NET),
    small=_grid(
        pca__n_components=(0.95,),
        logistic__C=(1.0,),
        logistic__fit_intercept=(True,),
        **_RIDGE,
    ),
)
def pca_logistic(seed: int) -> Pipeline:
    """Principal components and logistic regression over l1, l2 and elastic net, by accuracy.

    This is the search that the reference Airflow project describes: 60 candidates, all of which can be fitted and
    converge. With scikit-learn's tolerance, saga's probabilities are within .01 of the optimum for every candidate and
    fold, and within .0004 for the winner. No candidate's accuracy changes with a smaller tolerance (measured down to
    1e-10). The longest fit takes 522 iterations.
    """
    from sklearn.linear_model import LogisticRegression

    return _on_principal_components(LogisticRegression(max_iter=20_000, random_state=seed))


@recipe(
    scoring="neg_log_loss",
    full=_grid(logistic__C=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)),
    small=_grid(logistic__C=(1.0,)),
)
def logistic(seed: int) -> Pipeline:
    """Standardized measurements and ridge logistic regression, with the penalty selected by log-loss.

    Selection by log-loss needs the exact optimum, which newton-cholesky reaches to rounding error.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    model = LogisticRegression(solver="newton-cholesky", tol=1e-8, random_state=seed)
    return Pipeline([("scale", StandardScaler()), ("logistic", model)])


@recipe(
    scoring="neg_log_loss",
    full=_grid(svc__estimator__C=(0.1, 1.0, 10.0, 100.0), svc__estimator__gamma=(0.001, 0.003, 0.01, 0.03, 0.1)),
    small=_grid(svc__estimator__C=(10.0,), svc__estimator__gamma=(0.01,)),
)
def svc(seed: int) -> Pipeline:
    """Standardized measurements and a support vector machine (RBF) with sigmoid calibration.

    The sigmoid is fitted on out-of-fold scores (5 folds); the final support vector machine is fitted on all rows.
    Isotonic calibration performs worse with so few rows.
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    model = CalibratedClassifierCV(SVC(), method="sigmoid", cv=_shuffled(seed), ensemble=False)
    return Pipeline([("scale", StandardScaler()), ("svc", model)])


@recipe(scoring="neg_log_loss", full=[{}], small=[{}])
def stacking(seed: int) -> Pipeline:
    """Logistic regression on the predictions of a logistic regression, a support vector machine and random trees.

    It is fitted on out-of-fold predictions (5 folds).
    """
    from sklearn.ensemble import ExtraTreesClassifier, StackingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    members = [
        ("logistic", LogisticRegression(C=0.3, solver="newton-cholesky", tol=1e-8)),
        ("svc", SVC(C=10.0, gamma=0.01)),
        ("trees", ExtraTreesClassifier(n_estimators=300, random_state=seed)),
    ]
    model = StackingClassifier(members, LogisticRegression(solver="newton-cholesky", tol=1e-8), cv=_shuffled(seed))
    return Pipeline([("scale", StandardScaler()), ("stacking", model)])


def _shuffled(seed: int) -> object:
    from sklearn.model_selection import StratifiedKFold

    return StratifiedKFold(5, shuffle=True, random_state=seed)


def _on_principal_components(model: object) -> Pipeline:
    """Return a pipeline with the reference project's preprocessing: Yeo-Johnson, standardization, and PCA."""
    from sklearn.decomposition import PCA
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import PowerTransformer, StandardScaler

    return Pipeline(
        [
            ("power", PowerTransformer(method="yeo-johnson")),
            ("scale", StandardScaler()),
            ("pca", PCA()),
            ("logistic", model),
        ]
    )
