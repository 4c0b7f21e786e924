"""Rules for a search of hyperparameters. Neither blocks: a model can be good although a rule is broken."""

from typing import TYPE_CHECKING

from wdbc_assets.domain.modeling import recipes
from wdbc_assets.domain.rules.base import ResultRule

if TYPE_CHECKING:
    from wdbc_assets.domain.modeling.fitting import Fit

_FEWEST_VALUES = 3
"""A hyperparameter with fewer values is a choice, and has no interior."""


def not_converged(fit: "Fit") -> list[str]:
    """Return a message for each candidate that did not converge."""
    return [
        f"candidate {candidate.rank} is {recipes.label(candidate.params)}, not converged"
        for candidate in fit.candidates
        if not candidate.converged
    ]


def on_the_edge(fit: "Fit") -> list[str]:
    """Return a message for each hyperparameter of the winner that is at an edge of the grid."""
    messages = []
    for name, value in fit.winner.items():
        numbers = {
            candidate.params[name] for candidate in fit.candidates if type(candidate.params.get(name)) in (int, float)
        }
        if len(numbers) >= _FEWEST_VALUES and value in (min(numbers), max(numbers)):
            messages.append(f"{name} is {value}, at an edge of the grid")
    return messages


RULES = (
    ResultRule(
        "every_candidate_converged",
        "Every candidate converged on every fold; a candidate that did not cannot win.",
        "Raise the recipe's number of iterations, or remove the candidate from its grid.",
        blocking=False,
        faults=not_converged,
    ),
    ResultRule(
        "winner_is_inside_the_grid",
        f"No hyperparameter of the winner is the smallest or largest of {_FEWEST_VALUES} or more numbers in the grid.",
        "Extend the recipe's grid beyond this value: a better candidate may lie there.",
        blocking=False,
        faults=on_the_edge,
    ),
)
