"""Correlations between measurements, and clusters of measurements that correlate strongly.

numpy and scipy are imported inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

BOUND = 0.9
"""Above this |r|, four fifths of the variance of one measurement are a straight line of the other."""

METHOD = "Pearson's r; clusters by complete linkage on 1 - |r|: every two of a cluster have an |r| of the bound or more"


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """The correlations of measurements.

    `order` lists the columns so that correlated ones are adjacent. `matrix` has r in that order, None where a column is
    constant and r is undefined. `clusters` lists each group of two or more columns that correlate pairwise with an |r|
    of at least `bound`, in the same order.
    """

    method: str
    bound: float
    order: tuple[str, ...]
    matrix: tuple[tuple[float | None, ...], ...]
    clusters: tuple[tuple[str, ...], ...]


def correlate(X: pd.DataFrame, *, bound: float = BOUND) -> Correlation:
    """Correlate every pair of columns of X, of shape (n_patients, n_measurements)."""
    import numpy as np

    names = [str(name) for name in X.columns]
    r = _pearson(X)
    order, groups = _cluster(np.abs(np.nan_to_num(r)), bound)
    members: dict[int, list[str]] = {}
    for column in order:
        members.setdefault(groups[column], []).append(names[column])
    return Correlation(
        method=METHOD,
        bound=bound,
        order=tuple(names[column] for column in order),
        matrix=tuple(tuple(None if np.isnan(value) else float(value) for value in r[row][order]) for row in order),
        clusters=tuple(tuple(cluster) for cluster in members.values() if len(cluster) > 1),
    )


def _pearson(X: pd.DataFrame) -> NDArray[np.float64]:
    # By pandas and not by BLAS, whose last bits depend on the number of threads.
    import numpy as np

    r = np.array(X.corr(), dtype=np.float64)
    r[np.diag_indices_from(r)] = np.where(np.isnan(r.diagonal()), np.nan, 1.0)
    return r


def _cluster(similarity: NDArray[np.float64], bound: float) -> tuple[list[int], list[int]]:
    """Return the order of the tree's leaves, and the number of each column's cluster."""
    import numpy as np
    from scipy.cluster import hierarchy

    distances = 1 - similarity[np.triu_indices_from(similarity, 1)]
    tree = hierarchy.linkage(distances, "complete", optimal_ordering=True)
    return hierarchy.leaves_list(tree).tolist(), hierarchy.fcluster(tree, 1 - bound, "distance").tolist()
