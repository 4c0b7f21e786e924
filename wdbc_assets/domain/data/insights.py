"""The findings of an exploration, as sentences. Each is computed, and omitted if it does not hold.

This module is plain Python; `exploration` computes the numbers.
"""

import math
from collections.abc import Iterable, Mapping
from statistics import NormalDist
from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract

if TYPE_CHECKING:
    from wdbc_assets.domain.data.distributions import Distribution
    from wdbc_assets.domain.data.exploration import Exploration

NOTABLE_SKEW = 1.0
"""Beyond it a distribution is called highly skewed."""

BEYOND_CHANCE = 3.0
"""An AUC says something if it lies more standard deviations than these from 0.5: chance brings 3 of 1,000 there."""

_NORMAL_OUTLIERS = 2 * NormalDist().cdf(4 * NormalDist().inv_cdf(0.25))  # share beyond Tukey's fences: .7 %
_NAMED = 3


def findings(figures: "Exploration") -> list[str]:
    """Return the findings of an exploration, the most basic ones first."""
    statements = (_balance, _gaps_and_copies, _row_order, _constants, _separation, _collinear, _skew, _outliers, _zeros)
    return [sentence for say in statements if (sentence := say(figures))]


def separation(measurement: "Distribution") -> float:
    """Return how well a measurement alone separates the classes: its AUC in either direction, 0.5 (chance) to 1."""
    return max(measurement.auc, 1 - measurement.auc)


def best_first(measurements: "Mapping[str, Distribution]") -> list[str]:
    """Return the measurements in descending order of separation; ties keep the order of the contract."""
    return sorted(measurements, key=lambda name: -separation(measurements[name]))


def chance_sd(benign: int, malignant: int) -> float:
    """Return the standard deviation of the AUC of a measurement that is independent of the diagnosis.

    Source: H. B. Mann, D. R. Whitney (1947), Ann. Math. Stat. 18:50-60.
    """
    return math.sqrt((benign + malignant + 1) / (12 * benign * malignant))


def _balance(figures: "Exploration") -> str:
    rows, malignant = figures.rows, figures.malignant
    larger, most = ("benign", rows - malignant) if 2 * malignant <= rows else ("malignant", malignant)
    return (
        f"{malignant} of {rows} patients are malignant ({_share(malignant / rows)}): to call everyone {larger} "
        f"is right for {_share(most / rows)}."
    )


def _gaps_and_copies(figures: "Exploration") -> str:
    missing, duplicates = figures.missing, figures.duplicates
    if not missing and not duplicates:
        return "No cell is missing, and no two patients have the same measurements."
    gaps = f"{missing} {_cells(missing)} missing" if missing else "No cell is missing"
    if not duplicates:
        return f"{gaps}; no two patients have the same measurements."
    return f"{gaps}; {duplicates} {_patients(duplicates)} the measurements of an earlier one: one patient, twice?"


def _row_order(figures: "Exploration") -> str:
    if not _tells(figures.row_order_auc, figures):
        return ""
    return f"The order of the rows alone predicts the diagnosis (AUC {figures.row_order_auc:.2f}): always shuffle."


def _constants(figures: "Exploration") -> str:
    names = [name for name, distribution in figures.measurements.items() if distribution.skew is None]
    return f"The same in every patient, so without any use: {_listed(names)}." if names else ""


def _separation(figures: "Exploration") -> str:
    measurements, ranked = figures.measurements, best_first(figures.measurements)
    telling = [name for name in ranked if _tells(measurements[name].auc, figures)]
    silent = [name for name in measurements if name not in telling]
    best = [f"{name} ({separation(measurements[name]):.3f})" for name in telling[:_NAMED]]
    sentences = [f"Best alone, by AUC: {_listed(best)}."] if best else []
    return " ".join(sentences + ([f"Not distinguishable from chance: {_some(silent)}."] if silent else []))


def _collinear(figures: "Exploration") -> str:
    matrix, bound = figures.correlation.matrix, figures.correlation.bound
    joined = sum(
        any(r is not None and abs(r) >= bound for other, r in enumerate(row) if other != number)
        for number, row in enumerate(matrix)
    )
    if not joined:
        return ""
    clusters = sorted(figures.correlation.clusters, key=len, reverse=True)
    return (
        f"{joined} of {len(matrix)} measurements correlate at {bound:g} or more with another. Nearly the same say: "
        f"{'; '.join(in_words(cluster) for cluster in clusters)}."
    )


def _skew(figures: "Exploration") -> str:
    skews = {
        name: distribution.skew for name, distribution in figures.measurements.items() if distribution.skew is not None
    }
    skewed = sorted((name for name in skews if abs(skews[name]) > NOTABLE_SKEW), key=lambda name: -abs(skews[name]))
    if not skewed:
        return ""
    return (
        f"{len(skewed)} of {len(figures.measurements)} measurements have a skew beyond {NOTABLE_SKEW:g}, most "
        f"{skewed[0]} ({skews[skewed[0]]:.1f}): a median says more than a mean."
    )


def _outliers(figures: "Exploration") -> str:
    counts = {name: distribution.outliers for name, distribution in figures.measurements.items()}
    cells, outliers = figures.rows * len(counts) - figures.missing, sum(counts.values())
    if outliers <= _NORMAL_OUTLIERS * cells:
        return ""
    most = max(counts, key=lambda name: counts[name])
    return (
        f"{outliers} of {cells} values ({_share(outliers / cells)}) lie beyond Tukey's fences of their class, most of"
        f" {most} ({counts[most]}); of a normal distribution {_share(_NORMAL_OUTLIERS)} would."
    )


def _zeros(figures: "Exploration") -> str:
    by_count: dict[int, list[str]] = {}
    for name, distribution in figures.measurements.items():
        if distribution.zeros:
            by_count.setdefault(distribution.zeros, []).append(name)
    if not by_count:
        return ""
    zeros = [
        f"{in_words(columns)} in {count} {'patient' if count == 1 else 'patients'}"
        for count, columns in by_count.items()
    ]
    return f"Exactly 0, so without a logarithm: {'; '.join(zeros)}."


def in_words(columns: Iterable[str]) -> str:
    """Return columns grouped by quantity, such as `radius and area (mean, worst)`, or one by one if that fails."""
    names = set(columns)
    quantities = [
        quantity
        for quantity in contract.MEASUREMENTS
        if any(quantity.column(statistic) in names for statistic in contract.STATISTICS)
    ]
    statistics = [
        statistic
        for statistic in contract.STATISTICS
        if any(quantity.column(statistic) in names for quantity in quantities)
    ]
    if names == {quantity.column(statistic) for quantity in quantities for statistic in statistics}:
        return f"{_listed([quantity.name.replace('_', ' ') for quantity in quantities])} ({', '.join(statistics)})"
    return _listed(list(columns))


def _tells(auc: float, figures: "Exploration") -> bool:
    return abs(auc - 0.5) > BEYOND_CHANCE * chance_sd(figures.benign, figures.malignant)


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def _some(names: list[str]) -> str:
    shown = names if len(names) <= _NAMED + 1 else [*names[:_NAMED], f"{len(names) - _NAMED} more"]
    return _listed(shown)


def _share(share: float) -> str:
    return f"{100 * share:.1f} %"


def _cells(count: int) -> str:
    return "cell is" if count == 1 else "cells are"


def _patients(count: int) -> str:
    return "patient has" if count == 1 else "patients have"
