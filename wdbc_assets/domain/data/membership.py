"""Membership: which patients form the test set and each fold, by shuffling rows or by a hash of the measurements.

`shuffled` draws stratified sets of rows, which depend on the order of all rows. Under `hash`, the set and the folds of
a patient depend on the 30 values and the seed alone, whatever other rows there are, in whatever order or partition:

1. The digest of a patient is the first 8 bytes, little-endian, of BLAKE2b (digest size 8; RFC 7693) of the 30 values in
   the order of the contract as little-endian float64, where -0.0 counts as 0.0.
2. The key of a draw is the same hash of the text "PURPOSE SEED", with the purpose `test set` or the number of folds.
3. Both are combined by exclusive or and mixed by the finalizer of SplitMix64 (G. L. Steele, D. Lea, C. H. Flood, 2014,
   OOPSLA). The upper 53 bits, as a fraction u of 1, decide: u < test_size is the test set, floor(u x folds) the fold.

Patients with equal measurements are in the same set and fold. The sets are not stratified: their sizes and shares of
malignant vary by chance, as `tail` states. Rows that are fitted on are taken in the order of their digests, so that a
model does not depend on the order of the table either. NumPy is imported inside functions.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

Method = Literal["shuffled", "hash"]
METHODS: tuple[Method, ...] = ("shuffled", "hash")


def digests(X: pd.DataFrame) -> NDArray[np.uint64]:
    """Return the digest of each row's 30 measurements, shape (n,)."""
    import numpy as np

    # Adding 0.0 turns -0.0 into 0.0.
    values = np.ascontiguousarray(X[list(contract.FEATURES)].to_numpy(dtype="<f8") + 0.0)
    rows, size = values.reshape(-1).view(np.uint8).data, values.shape[1] * values.itemsize
    hashed = (
        hashlib.blake2b(rows[start : start + size], digest_size=8).digest() for start in range(0, len(rows), size)
    )
    return np.frombuffer(b"".join(hashed), dtype="<u8").astype(np.uint64)


def in_test_set(digests: NDArray[np.uint64], *, test_size: float, seed: int) -> NDArray[np.bool_]:
    """Return for each digest whether it is in the test set."""
    chosen: NDArray[np.bool_] = _fractions(digests, f"test set {seed}") < test_size
    return chosen


def fold_of(digests: NDArray[np.uint64], *, folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each digest, from 0."""
    import numpy as np

    return (_fractions(digests, f"{folds} {seed}") * folds).astype(np.int64)


def sampled(digests: NDArray[np.uint64], *, share: float) -> NDArray[np.bool_]:
    """Return for each digest whether it is in a sample of this share of the patients."""
    chosen: NDArray[np.bool_] = _fractions(digests, "sample") < share
    return chosen


def order(digests: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Return the positions of the rows in the order of their digests."""
    import numpy as np

    return np.argsort(digests, kind="stable")


def require_both_classes(fold_of_row: NDArray[np.int64], y: ArrayLike, *, folds: int) -> None:
    """Raise WdbcError unless each fold holds patients of both classes."""
    import numpy as np

    diagnoses = np.asarray(y)
    for code, label in ((contract.MALIGNANT, "malignant"), (contract.BENIGN, "benign")):
        counts = np.bincount(fold_of_row[diagnoses == code], minlength=folds)
        if not counts.all():
            empty = int((counts == 0).sum())
            raise WdbcError(
                f"By the hash of the measurements, {empty} of {folds} folds hold no {label} patient.",
                where="diagnoses",
                hint="Choose fewer folds or another seed, or WDBC_SPLIT_METHOD=shuffled, which stratifies.",
            )


def tail(chosen: int, total: int, share: float) -> float:
    """Return the probability that a count is at least as far from its expectation as `chosen`, on the same side.

    The count of the patients of a class in the test set is binomial, because the hash decides on each independently.
    """
    from scipy.special import bdtr, bdtrc

    return float(min(bdtr(chosen, total, share), 1.0 if chosen == 0 else bdtrc(chosen - 1, total, share)))


def _fractions(digests: NDArray[np.uint64], draw: str) -> NDArray[np.float64]:
    import numpy as np

    key = np.frombuffer(hashlib.blake2b(draw.encode(), digest_size=8).digest(), dtype="<u8")
    mixed = digests ^ key
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    fractions: NDArray[np.float64] = (mixed >> np.uint64(11)) * 2.0**-53
    return fractions
