"""The recipes: unfitted pipelines by name, each with the grids of parameters that are tried on it.

A recipe is one function that builds a pipeline, under a decorator that states its score and its grids; to add one, add
such a function and its test. Nothing is fitted here (that is `modeling`), and scikit-learn is imported only when a
pipeline is built: the command line and the definitions list the names from this module.
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
"""How often repeated cross-validation repeats its ten folds."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """An unfitted pipeline and what is tried on it.

    `build(seed)` makes the pipeline; the seed reaches only what draws random numbers (saga's order of rows). `scoring`
    is scikit-learn's name of the score by which cross-validation picks the winner; more is better.
    """

    name: str
    summary: str
    scoring: Scoring
    build: Callable[[int], Pipeline]
    grids: Mapping[str, Sequence[Parameters]]

    def candidates(self, grid: str) -> tuple[Parameters, ...]:
        """Give the parameters to try, in the order that settles ties: by name, then value, the smallest first.

        It is the order of scikit-learn's ParameterGrid over ascending values, so on equal scores the winner is the one
        that GridSearchCV picks, however the grid was written down; and as C comes first of the names, it is the more
        strongly penalised model. Raises WdbcError for a grid that is unknown or empty.
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
                hint="Give it at least one candidate.",
            )
        return tuple(sorted(self.grids[grid], key=_by_name_and_value))


def _by_name_and_value(parameters: Parameters) -> list[tuple[str, str, Parameter]]:
    return [(name, type(value).__name__, value) for name, value in sorted(parameters.items())]


def label(parameters: Parameters) -> str:
    """Name a candidate for a message or a table: `logistic__C=1.0, pca__n_components=0.9`."""
    return ", ".join(f"{name}={value}" for name, value in sorted(parameters.items())) or "as the recipe builds it"


RECIPES: dict[str, Recipe] = {}


def named(name: str) -> Recipe:
    """Find a recipe; raises WdbcError listing the names that exist."""
    if name not in RECIPES:
        raise WdbcError(
            f"There is no recipe {name!r}.", where="recipe", hint=f"Choose one of: {', '.join(sorted(RECIPES))}."
        )
    return RECIPES[name]


def recipe(
    *, scoring: Scoring, full: Sequence[Parameters], small: Sequence[Parameters]
) -> Callable[[Callable[[int], Pipeline]], Callable[[int], Pipeline]]:
    """Register the decorated builder under its own name; the first line of its docstring is its summary."""

    def register(build: Callable[[int], Pipeline]) -> Callable[[int], Pipeline]:
        summary = (build.__doc__ or "").partition("\n")[0]
        grids = dict(zip(GRIDS, (full, small), strict=True))
        name = build.__name__
        RECIPES[name] = Recipe(name=name, summary=summary, scoring=scoring, build=build, grids=grids)
        return build

    return register


def _grid(**values: Sequence[Parameter]) -> list[Parameters]:
    return [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]


# The share of the variance that the principal components must explain, and the inverse strength of the penalty.
_EXPLAINED = (0.9, 0.95)
_SEED_C = (0.01, 0.1, 1.0, 10.0, 100.0)

# The penalty is named by l1_ratio (0 ridge, 1 lasso, between them the elastic net); scikit-learn 1.9 deprecates
# `penalty`. Ridge is smooth, and newton-cholesky solves it to rounding error in a few steps; saga takes the others.
# liblinear would be faster for the lasso, but it penalises the intercept too and so solves another problem.
_RIDGE: dict[str, Sequence[Parameter]] = {
    "logistic__l1_ratio": (0.0,),
    "logistic__solver": ("newton-cholesky",),
}
_LASSO_AND_ELASTIC_NET: dict[str, Sequence[Parameter]] = {
    "logistic__l1_ratio": (0.5, 1.0),
    "logistic__solver": ("saga",),
}
_PROMISED: dict[str, Sequence[Parameter]] = {
    "pca__n_components": _EXPLAINED,
    "logistic__C": _SEED_C,
    "logistic__fit_intercept": (False, True),
}


@recipe(
    scoring="accuracy",
    full=_grid(pca__n_components=_EXPLAINED, logistic__C=_SEED_C),
    small=_grid(pca__n_components=(0.95,), logistic__C=(1.0,)),
)
def airflow_baseline(seed: int) -> Pipeline:
    """Principal components and ridge logistic regression as the reference Airflow project fitted them, by accuracy.

    Its grid also named l1 and elastic net, which its solver (lbfgs) refuses: two fits of three failed and were dropped
    with a warning. Only the ten that could be fitted are kept, and they give the figures that it published.
    """
    from sklearn.linear_model import LogisticRegression

    return _on_principal_components(LogisticRegression(random_state=seed))


@recipe(
    scoring="accuracy",
    full=_grid(**_PROMISED, **_RIDGE) + _grid(**_PROMISED, **_LASSO_AND_ELASTIC_NET),
    small=_grid(
        pca__n_components=(0.95,),
        logistic__C=(1.0,),
        logistic__fit_intercept=(True,),
        **_RIDGE,
    ),
)
def pca_logistic(seed: int) -> Pipeline:
    """Principal components and logistic regression over l1, l2 and elastic net, by accuracy.

    What the reference Airflow project promises: 60 candidates, all of which can be fitted and converge. At
    scikit-learn's tolerance saga's probabilities lie within .01 of the optimum's on every candidate and fold, the
    winner's within .0004, and no candidate's accuracy changes with a tighter one (measured down to 1e-10); its longest
    fit takes 522 iterations.
    """
    from sklearn.linear_model import LogisticRegression

    return _on_principal_components(LogisticRegression(max_iter=20_000, random_state=seed))


@recipe(
    scoring="neg_log_loss",
    full=_grid(logistic__C=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)),
    small=_grid(logistic__C=(1.0,)),
)
def logistic(seed: int) -> Pipeline:
    """Standardised measurements and ridge logistic regression, the penalty chosen by log-loss.

    Picking by log-loss needs the optimum itself, which newton-cholesky reaches to rounding error.
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
    """Standardised measurements and a support vector machine (RBF), its scores calibrated by a sigmoid.

    The sigmoid is fitted on scores of rows that the machine was not fitted on (5 folds); one machine on all rows then
    gives the scores. Isotonic calibration does harm with so few rows.
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    model = CalibratedClassifierCV(SVC(), method="sigmoid", cv=_shuffled(seed), ensemble=False)
    return Pipeline([("scale", StandardScaler()), ("svc", model)])


@recipe(scoring="neg_log_loss", full=[{}], small=[{}])
def stacking(seed: int) -> Pipeline:
    """Logistic regression over the answers of a logistic regression, a support vector machine and random trees.

    The answers that it learns from are given by models that had not seen the row (5 folds).
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
    """Put the reference project's preprocessing before a model: Yeo-Johnson, standardisation, principal components."""
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
