"""Judging measurements on their own: no id, no diagnosis, and not a table of pandas but an array with a row a patient.

The rules are those of the raw table that look at measurements alone. Each is asked only about rows that a quick look
finds suspicious: it takes a hundredth of the time, and passes no row that breaks a rule (a test says so).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from wdbc_assets.domain import cell_rules, contract, rules
from wdbc_assets.domain.rule_kinds import CellRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_OF_PATIENTS = {
    cell_rules.diagnosis_is_m_or_b,
    cell_rules.id_is_positive,
    cell_rules.id_is_unique,
    cell_rules.no_patient_is_twice,
    cell_rules.no_diagnosis_contradicts,
}
RULES: tuple[CellRule, ...] = tuple(
    rule for rule in rules.RAW_RULES if isinstance(rule, CellRule) and rule not in _OF_PATIENTS
)
"""The rules that hold of measurements alone."""

_AT = {name: number for number, name in enumerate(contract.FEATURES)}
# With these products beside the measurements, each rule is a sum that must not be negative.
_PRODUCTS = (
    ("radius_mean", "radius_mean"),
    ("radius_mean", "radius_se"),
    ("radius_worst", "radius_worst"),
    ("perimeter_mean", "perimeter_mean"),
    ("compactness_mean", "area_mean"),
)
_LEFT, _RIGHT = (np.array([_AT[pair[side]] for pair in _PRODUCTS]) for side in (0, 1))
# A sum below this is looked at by the rules themselves: far more than the rounding of any sum of what may be there.
_MARGIN = 1e-6


@dataclass(frozen=True)
class Breach:
    """One cell that breaks a rule: the row's position from 0, the column, the rule."""

    row: int
    column: str
    rule: CellRule


def breaches(X: Array) -> list[Breach]:
    """Return which cells of X break which rule, row by row; X has shape (n, 30), in the contract's order.

    A cell that is no finite number breaks `cells_are_numbers`, and no other rule.
    """
    rows = np.flatnonzero(_suspicious(X))
    if not len(rows):
        return []
    table = _Table(X[rows])
    with np.errstate(over="ignore", invalid="ignore"):  # of huge numbers, which break a rule of their own
        found = [
            Breach(int(rows[place]), column, rule)
            for rule in RULES
            for column, broken in rule.faults(table)
            for place in np.flatnonzero(broken)
        ]
    return sorted(found, key=lambda breach: breach.row)


def _suspicious(X: Array) -> NDArray[np.bool_]:
    """Mask every row that may break a rule, and hardly any that breaks none (those with a 0, for one)."""
    with np.errstate(over="ignore", invalid="ignore"):
        terms = np.ones((len(X), len(contract.FEATURES) + len(_PRODUCTS) + 1))
        terms[:, : len(contract.FEATURES)] = X
        terms[:, len(contract.FEATURES) : -1] = X[:, _LEFT] * X[:, _RIGHT]
        # Said of what fits, for nothing fits what is no number.
        fits = (terms @ _sums() >= _MARGIN).all(axis=1)
    return np.logical_not(fits)


@cache
def _sums() -> Array:
    """Return what each rule is a sum of: shape (measurements, products and 1; sums)."""
    names = [*contract.FEATURES, *_PRODUCTS, "1"]
    sums = [[float(sum_.get(name, 0)) for name in names] for sum_ in _each_sum()]
    return np.array(sums).T.copy()


def _each_sum() -> Iterator[dict[Any, float]]:
    for measurement in contract.MEASUREMENTS:
        mean, se, worst = map(measurement.column, contract.STATISTICS)
        for column in (mean, se, worst):
            yield {column: 1}
            yield {column: -1, "1": measurement.largest}
        yield {worst: 1, mean: -1}
        yield {mean: 1, se: -1}
    for statistic, limits in contract.PERIMETER_PER_CIRCLE.items():
        yield from _between({f"perimeter_{statistic}": 1}, f"radius_{statistic}", 2 * math.pi, limits)
    for statistic, limits in contract.AREA_PER_CIRCLE.items():
        yield from _between({f"area_{statistic}": 1}, (f"radius_{statistic}",) * 2, math.pi, limits)
    yield from _between({"area_se": 1}, ("radius_mean", "radius_se"), 2 * math.pi, contract.AREA_SE_PER_CIRCLE)
    # (compactness + 1) 4 pi area - perimeter^2 is the excess times 4 pi area.
    circle = 4 * math.pi
    outline = {("compactness_mean", "area_mean"): circle, ("perimeter_mean", "perimeter_mean"): -1, "area_mean": circle}
    low, high = contract.COMPACTNESS_EXCESS
    yield {**outline, "area_mean": circle * (1 - low)}
    yield {**{term: -factor for term, factor in outline.items()}, "area_mean": circle * (high - 1)}


def _between(value: dict[Any, float], circle: Any, factor: float, limits: contract.Range) -> Iterator[dict[Any, float]]:
    low, high = limits
    yield {**value, circle: -low * factor}
    yield {**{term: -one for term, one in value.items()}, circle: high * factor}


class _Table:
    """What the rules ask of a table, over an array: columns by name."""

    columns = contract.FEATURES

    def __init__(self, X: Array) -> None:
        self._cells = np.asfortranarray(X)

    def __getitem__(self, name: str) -> _Column:
        return self._cells[:, _AT[name]].view(_Column)


class _Column(np.ndarray):
    """A column that can be asked for its array as one of pandas can."""

    def to_numpy(self, dtype: Any = None, na_value: object = None) -> NDArray[Any]:  # noqa: ARG002 -- nothing is missing
        """Return the plain array."""
        return np.asarray(self, dtype=dtype)
