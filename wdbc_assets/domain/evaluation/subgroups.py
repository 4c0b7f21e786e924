"""Recall and specificity by quarter of a measurement: in which patients the model is wrong.

The data have no attributes of the patients but the measurements. The malignant patients are divided into quarters of
each quantity's mean column, and the share of them with a probability above .5 is their recall; the benign ones
likewise, for the specificity. Quarters of each class are equally large, so that each rate is as precise as the others.

The share is computed in each repeat and averaged. Its interval is Wilson's for the patients of the group, with the mean
number of hits. A patient's mean over the repeats is between 0 and 1, so its variance is at most share (1 - share): if
anything, the interval is too wide. It is not circular, because the threshold of .5 was not chosen from these
probabilities, and no patient was used for the model that scored it. A bootstrap of patients is not used: it gives
[1, 1] if nobody is missed, and of 53 patients with a true recall of .95 it covers that recall in 89 % of cases, and
Wilson's interval in 98 %. Neither says how the rate would change with another training set.

This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.evaluation import intervals
from wdbc_assets.domain.evaluation.results import MeasurementSubgroups, Subgroup, Subgroups

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

GROUPS = 4
COLUMNS = tuple(measurement.column("mean") for measurement in contract.MEASUREMENTS)
THRESHOLD = 0.5


def quarters(
    column: Callable[[str], NDArray[np.float64]], y: NDArray[np.int64], p: NDArray[np.float64]
) -> tuple[MeasurementSubgroups, ...]:
    """Return recall and specificity by quarter of the mean of each of the ten quantities, in the contract's order.

    Args:
        column: From the name of a column to its measurements, shape (n,).
        y: The diagnoses, 1 = malignant, shape (n,).
        p: P(malignant) of the same patients, shape (repeats, n).
    """
    malignant = y == contract.MALIGNANT
    right = ((p > THRESHOLD) == malignant).mean(axis=0)

    def of_class(values: NDArray[np.float64], members: NDArray[np.bool_], name: str) -> Subgroups:
        return by_quarter(values[members], right[members], undefined=f"there are no {name} patients")

    return tuple(
        MeasurementSubgroups(
            measurement=name,
            recall=of_class(values, malignant, "malignant"),
            specificity=of_class(values, ~malignant, "benign"),
        )
        for name in COLUMNS
        for values in (column(name),)
    )


def by_quarter(values: NDArray[np.float64], right: NDArray[np.float64], *, undefined: str) -> Subgroups:
    """Divide patients into quarters of a measurement, and return the share of right decisions in each.

    Equal values are never divided. With at most four different values, each is a group.

    Args:
        values: The measurement, finite, shape (n,).
        right: In which share of the repeats the patient was classified correctly, shape (n,).
        undefined: The reason to give if there are no patients.
    """
    if not len(values):
        return Subgroups(groups=(), reason=undefined)
    different = np.unique(values)
    cuts = different[:-1]
    if len(different) > GROUPS:
        cuts = np.unique(np.quantile(values, np.arange(1, GROUPS) / GROUPS, method="inverted_cdf"))
    number = np.searchsorted(cuts, values, side="left")  # a value on a cut belongs below it
    groups = [number == each for each in np.unique(number)]
    return Subgroups(
        groups=tuple(_group(values[members], right[members]) for members in groups), reason=_reason(len(groups))
    )


def _group(values: NDArray[np.float64], right: NDArray[np.float64]) -> Subgroup:
    return Subgroup(
        smallest=float(values.min()),
        largest=float(values.max()),
        patients=len(values),
        share=intervals.proportion(float(right.sum()), len(values)),
    )


def _reason(groups: int) -> str | None:
    if groups == GROUPS:
        return None
    if groups == 1:
        return "all values are equal, so there are no quarters"
    return "so many values are equal that there are fewer than four groups"
