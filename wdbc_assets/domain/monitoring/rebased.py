"""A rebased reference: patients of accepted batches, with whom later batches are compared.

The patients of development are the reference until somebody accepts a shift. The registry has the decisions; here is
what a drift report knows of one.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Rebase:
    """The decision by which a reference replaced the one before.

    Attributes:
        since: When it was made, in UTC (ISO 8601).
        entry: The number of its entry in the audit log.
        batches: The batches whose patients are the reference, oldest first. Later batches are compared with them.
    """

    since: str
    entry: int
    batches: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class RebasedReference:
    """The patients of a rebased reference.

    Attributes:
        rebase: The decision.
        X: Their measurements in the order of the contract, shape (n, 30).
        log_odds: The log-odds by the champion whose predictions are compared, shape (n,).
        malignant: The diagnoses, 1 for malignant, or their probabilities where they were unknown, shape (n,).
    """

    rebase: Rebase
    X: "Array"
    log_odds: "Array"
    malignant: "Array"
