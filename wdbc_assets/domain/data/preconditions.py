"""Preconditions of estimators and their evaluation: finite measurements, encoded diagnoses, settings in range.

The data contract is validated much earlier. Without these few conditions, scikit-learn would fail with an error of its
own, or return NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

LARGEST_SEED = 2**32 - 1  # numpy's and scikit-learn's limit
_COLUMNS_NAMED = 10


def require_finite(X: pd.DataFrame) -> None:
    """Raise WdbcError, naming columns but no value, unless every cell of X is a finite number."""
    import numpy as np

    hint = "Clean the table first: a model takes finite numbers only."
    text = [str(name) for name, dtype in X.dtypes.items() if dtype.kind not in "fiu"]
    if text:
        raise WdbcError(
            f"Something other than numbers in {len(text)} of {X.shape[1]} columns.",
            where=f"columns {', '.join(text[:_COLUMNS_NAMED])}",
            hint=hint,
        )
    broken = [str(name) for name in X.columns[~np.isfinite(X.to_numpy()).all(axis=0)]]
    if broken:
        raise WdbcError(
            f"Blank or infinite cells in {len(broken)} of {X.shape[1]} columns.",
            where=f"columns {', '.join(broken[:_COLUMNS_NAMED])}",
            hint=hint,
        )


def require_diagnoses(y: ArrayLike, *, rows: int, of_each: int) -> None:
    """Raise WdbcError unless y has one 0 (benign) or 1 (malignant) for each row, and at least `of_each` of both."""
    import numpy as np

    diagnoses = np.asarray(y)
    if diagnoses.shape != (rows,):
        raise WdbcError(
            f"There are {rows} rows, but the diagnoses have shape {diagnoses.shape}.",
            where="diagnoses",
            hint="Make the split again: its parts do not belong together.",
        )
    foreign = int((~np.isin(diagnoses, (0, 1))).sum())
    if foreign:
        raise WdbcError(
            f"Neither 1 (malignant) nor 0 (benign): {foreign} of {rows} diagnoses.",
            where="diagnoses",
            hint="Clean the table first.",
        )
    require_counts(int((diagnoses == 1).sum()), int((diagnoses == 0).sum()), of_each=of_each)


def require_counts(malignant: int, benign: int, *, of_each: int) -> None:
    """Raise WdbcError unless there are at least `of_each` patients of both classes."""
    for name, count in (("malignant", malignant), ("benign", benign)):
        if count < of_each:
            raise WdbcError(
                f"Number of {name} patients: {count}; needed: at least {of_each}.",
                where="diagnoses",
                hint="Use more data, or fewer folds; with one class alone there is nothing to learn or to evaluate.",
            )


def require_setting(name: str, value: float, *, fits: bool, allowed: str) -> None:
    """Raise WdbcError with the allowed values unless the setting's value fits."""
    if not fits:
        raise WdbcError(f"{name} = {value} is out of range.", where=name, hint=f"Choose {allowed}.")


def require_seed(seed: int) -> None:
    """Raise WdbcError unless numpy and scikit-learn accept the seed."""
    require_setting("seed", seed, fits=0 <= seed <= LARGEST_SEED, allowed=f"a number from 0 to {LARGEST_SEED}")
