"""What happens while candidates are fitted: warnings are counted, and errors name the candidate."""

from __future__ import annotations

import contextlib
import warnings
from collections import Counter
from typing import TYPE_CHECKING

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import recipes

if TYPE_CHECKING:
    from collections.abc import Iterator


class CaughtWarnings:
    """Counts warnings, so that they are stored with the model instead of being lost in the log."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self.not_converged = False

    @contextlib.contextmanager
    def during(self) -> Iterator[CaughtWarnings]:
        """Catch the warnings of this block; afterwards `not_converged` says whether a fit reached its limit."""
        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings(record=True) as messages:
            warnings.simplefilter("always")
            yield self
        self.not_converged = any(issubclass(message.category, ConvergenceWarning) for message in messages)
        self._counts.update(
            f"{message.category.__name__}: {str(message.message).partition(chr(10))[0]}" for message in messages
        )

    def summary(self) -> tuple[str, ...]:
        """Return each distinct warning as one line with its count, in alphabetical order."""
        return tuple(f"{text} ({count} times)" for text, count in sorted(self._counts.items()))


@contextlib.contextmanager
def naming(parameters: recipes.Parameters, place: str) -> Iterator[None]:
    """Convert an error of scikit-learn into a WdbcError that names the candidate and the place."""
    try:
        yield
    except (ValueError, ArithmeticError) as cause:
        raise WdbcError(
            f"A candidate could not be fitted: {cause}",
            where=f"{place}, {recipes.label(parameters)}",
            hint="Correct the grid of the recipe: its pipeline must be able to fit every candidate.",
        ) from cause
