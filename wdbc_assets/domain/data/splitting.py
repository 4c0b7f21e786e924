"""The split of the patients into a training set and a test set, which the model never sees before it is evaluated.

pandas and scikit-learn are imported inside functions.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wdbc_assets.domain import defaults
from wdbc_assets.domain.data import contract, membership
from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_HINT = "Choose a test_size nearer to one half, keep the split stratified, or add patients."


@dataclass(frozen=True)
class Draw:
    """The draw of a split by hash: its share of the rows in the test set, and its seed (see `membership`)."""

    test_size: float
    seed: int


@dataclass(frozen=True)
class Split:
    """Features (n x 30, float64) and diagnoses (n, 1 = malignant) of the training set and the test set.

    `rows_train` and `rows_test` are the positions of the rows in the clean frame, from 0. They serve to validate the
    split and are not stored with it, so that no row number can become a feature. Nor are `stratified`, and `by_hash`,
    the draw of a split by hash.
    """

    X_train: "pd.DataFrame"
    X_test: "pd.DataFrame"
    y_train: "pd.Series[int]"
    y_test: "pd.Series[int]"
    rows_train: "np.ndarray | None" = None
    rows_test: "np.ndarray | None" = None
    stratified: bool = True
    by_hash: Draw | None = None

    def rows(self) -> "tuple[np.ndarray, np.ndarray]":
        """Return the positions, from 0, of the training rows and the test rows in the clean frame.

        Raises:
            ValueError: the split was read from the store.
        """
        if self.rows_train is None or self.rows_test is None:
            raise ValueError("a split from the store no longer knows its rows; validate it when it is made")
        return self.rows_train, self.rows_test


def split(
    frame: "pd.DataFrame",
    *,
    test_size: float = defaults.TEST_SIZE,
    seed: int = defaults.SEED,
    stratified: bool = True,
    method: membership.Method = "shuffled",
) -> Split:
    """Split a clean frame at random.

    By the method `shuffled`, the rows and their order are those of scikit-learn's `train_test_split` with the same
    seed. By `hash`, they are those of `membership`. Rows are renumbered.

    Args:
        frame: the clean frame, one row per patient.
        test_size: share of the rows in the test set, rounded up to whole rows; by hash, the probability of each row.
        seed: seed of the shuffle or of the hash.
        stratified: keep the share of malignant rows equal in both sets, to within one row; without effect by hash.
        method: shuffled or hash.

    Raises:
        WdbcError: a parameter is out of range, or there are too few rows for it.
    """
    stratified = stratified and method == "shuffled"
    _refuse_impossible(frame, test_size=test_size, seed=seed, stratified=stratified)
    if method == "hash":
        train, test = _hashed(frame, test_size=test_size, seed=seed)
    else:
        train, test = _shuffled(frame, test_size=test_size, seed=seed, stratified=stratified)
    X, y = frame[list(contract.FEATURES)], frame[contract.DIAGNOSIS]
    X_train, X_test = (X.iloc[rows].reset_index(drop=True) for rows in (train, test))
    y_train, y_test = (y.iloc[rows].reset_index(drop=True) for rows in (train, test))
    for name, part in (("training", y_train), ("test", y_test)):
        if part.nunique() < len(contract.LABELS):
            raise WdbcError(f"the {name} part of {len(part)} rows holds one class only", hint=_HINT)
    by_hash = Draw(test_size, seed) if method == "hash" else None
    return Split(X_train, X_test, y_train, y_test, train, test, stratified, by_hash)


def _shuffled(
    frame: "pd.DataFrame", *, test_size: float, seed: int, stratified: bool
) -> "tuple[np.ndarray, np.ndarray]":
    import numpy as np
    from sklearn.model_selection import train_test_split

    stratify = frame[contract.DIAGNOSIS] if stratified else None
    train, test = train_test_split(np.arange(len(frame)), test_size=test_size, random_state=seed, stratify=stratify)
    return train, test


def _hashed(frame: "pd.DataFrame", *, test_size: float, seed: int) -> "tuple[np.ndarray, np.ndarray]":
    digests = membership.digests(frame)
    rows = membership.order(digests)
    chosen = membership.in_test_set(digests, test_size=test_size, seed=seed)[rows]
    return rows[~chosen], rows[chosen]


def _refuse_impossible(frame: "pd.DataFrame", *, test_size: float, seed: int, stratified: bool) -> None:
    # scikit-learn refuses these too, in words about its own parameters.
    if not 0 < test_size < 1:
        raise WdbcError(
            f"test_size is {test_size}; it must lie between 0 and 1", hint=f"Set it to {defaults.TEST_SIZE}, say."
        )
    if not 0 <= seed < 2**32:
        raise WdbcError(
            f"the seed of the split is {seed}; it must be from 0 to 2^32 - 1", hint=f"Set it to {defaults.SEED}, say."
        )
    test = math.ceil(test_size * len(frame))
    smaller = min(test, len(frame) - test)
    if smaller < len(contract.LABELS):
        raise WdbcError(f"{len(frame)} rows leave {smaller} in one part; {len(contract.LABELS)} are needed", hint=_HINT)
    counts = frame[contract.DIAGNOSIS].value_counts()
    for label, code in contract.LABELS.items():
        rows = int(counts.get(code, 0))
        if stratified and rows < 2:
            raise WdbcError(f"{rows} rows of class {label} found, 2 needed: one for each part", hint=_HINT)
