"""The recipes: named, unfitted pipelines, each with the grids of hyperparameters to search. One file per recipe.

A recipe is a function that builds a pipeline, with a decorator that states its score and its grids. To add a recipe,
add a file with such a function, its name below, and a test. Nothing is fitted here (see `fitting`). scikit-learn is
imported only when a pipeline is built, because the command line and the Dagster definitions list the recipes.
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sklearn.pipeline import Pipeline

Parameter = bool | float | str
Parameters = Mapping[str, Parameter]
Scoring = Literal["accuracy", "neg_log_loss"]

DEFAULT = "spline"
BASELINE = "airflow_baseline"
_FILES = ("airflow_baseline", "pca_logistic", "logistic", "spline", "svc", "stacking", "blend")
GRIDS = ("full", "small")
PROTOCOLS = {"quick": 3, "full": 10}
"""The number of repeats of the ten folds in repeated cross-validation."""

SEARCH_FOLDS, SEARCH_REPEATS, SEARCH_SEED = 5, 5, 42
"""The search of a recipe's grid: number of stratified folds, number of shuffles, seed of the first."""

RENAMED = {"seed_baseline": BASELINE}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """An unfitted pipeline and its grids of hyperparameters.

    `build(seed)` returns the pipeline; only steps that draw random numbers use the seed (such as saga's order of rows).
    `scoring` is scikit-learn's name of the score by which cross-validation selects the winner; higher is better.
    `as_published` keeps the search of the reference Airflow project: its folds are not shuffled, and not repeated.
    `temperature` is the parameter that multiplies the log-odds; it is selected on the out-of-fold log-odds of the
    winner (see `tempering`). `searched` is the parameter that names the part of the pipeline to which the grid
    belongs: the search fits and scores this part alone, so that the others are fitted once.
    """

    name: str
    summary: str
    scoring: Scoring
    build: Callable[[int], Pipeline]
    grids: Mapping[str, Sequence[Parameters]]
    as_published: bool = False
    temperature: str | None = None
    searched: str | None = None

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


def of_stored(name: str) -> Recipe:
    """Return the recipe that a stored model was fitted with.

    Raises:
        WdbcError: it was renamed or removed since; the model can be used, but not fitted again or compared by its code.
    """
    if name in RECIPES:
        return RECIPES[name]
    fate = f"was renamed to {RENAMED[name]}" if name in RENAMED else "no longer exists"
    raise WdbcError(
        f"the stored version was made with the recipe {name}, which {fate}",
        where="recipe",
        hint=f"Fit a recipe that exists with `wdbc run --recipe NAME`: {', '.join(RECIPES)}.",
    )


def rejection(name: str) -> str:
    """Return why a setting or an option cannot be this name: the recipe was renamed, or does not exist.

    An unknown name is left out: a mistyped setting may contain a credential.
    """
    if name in RENAMED:
        return f"{name} was renamed to {RENAMED[name]}"
    return f"unknown recipe; possible: {', '.join(RECIPES)}"


def recipe(
    *,
    scoring: Scoring,
    full: Sequence[Parameters],
    small: Sequence[Parameters],
    as_published: bool = False,
    temperature: str | None = None,
    searched: str | None = None,
) -> Callable[[Callable[[int], Pipeline]], Callable[[int], Pipeline]]:
    """Register the decorated function as a recipe of its name; the first line of its docstring is the summary."""

    def register(build: Callable[[int], Pipeline]) -> Callable[[int], Pipeline]:
        summary = (build.__doc__ or "").partition("\n")[0]
        grids = dict(zip(GRIDS, (full, small), strict=True))
        name = build.__name__
        RECIPES[name] = Recipe(
            name=name,
            summary=summary,
            scoring=scoring,
            build=build,
            grids=grids,
            as_published=as_published,
            temperature=temperature,
            searched=searched,
        )
        return build

    return register


def grid(**values: Sequence[Parameter]) -> list[Parameters]:
    """Return every combination of the values."""
    return [dict(zip(values, combination, strict=True)) for combination in itertools.product(*values.values())]


# By name, and not by import statements: a value depends on the code of the recipes that its parameters name, not on
# that of the others (see `pipeline.code_versions`).
for _name in _FILES:
    importlib.import_module(f"{__name__}.{_name}")
