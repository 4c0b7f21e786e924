"""Stability: how much the model depends on the patients that it was developed on.

- Instability of predictions: R. D. Riley, G. S. Collins (2023), Biom. J. 65:2200302.
- Optimism: B. Efron (1983), J. Am. Stat. Assoc. 78:316-331; for prediction models F. E. Harrell, K. L. Lee, D. B. Mark
  (1996), Stat. Med. 15:361-387.
- Stability of signs: W. Sauerbrei, M. Schumacher (1992), Stat. Med. 11:2093-2109, who count selections.
- Learning curve: the paired difference of log-loss to the largest part, on the same test rows.

`refits` develops the models. No summary contains a patient's value. This module imports numpy, so callers import it
inside functions.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.evaluation import refits
from wdbc_assets.domain.evaluation.comparison import THRESHOLD, corrected_interval
from wdbc_assets.domain.evaluation.results import Difference, Spread
from wdbc_assets.domain.modeling import recipes  # noqa: TC001 -- a type of fields, resolved when a file is decoded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

STABLE = 0.95
"""The share of refits from which on a sign is called stable."""

_BINS = 10
_LEAST_PATIENTS = 10
"""The patients of a bin: a quantile of fewer could be the value of one of them."""

_CENTRAL = (0.025, 0.975)
_MOST = 0.95
_TOO_FEW = "some of these parts have too few patients of a class"


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Patients with similar original probabilities, and the central 95 % of the probabilities that refits gave them.

    `error` is the mean absolute difference between the two. `low` and `high` are the edges of the bin.
    """

    low: float
    high: float
    patients: int
    probability: float
    refit_low: float
    refit_high: float
    error: float


@dataclass(frozen=True, kw_only=True)
class Optimism:
    """A measure of the original on its own patients, its optimism, and the difference of both.

    The optimism is the mean over the bootstrap refits of the measure on their own samples minus that on all patients,
    so that of a loss is below 0. `error` is its standard error from the number of refits.
    """

    apparent: float
    optimism: float
    error: float
    corrected: float


@dataclass(frozen=True, kw_only=True)
class SelectedParameters:
    """Parameters, and the number of bootstrap refits that selected them."""

    winner: dict[str, recipes.Parameter]
    refits: int


@dataclass(frozen=True, kw_only=True)
class Sign:
    """The direction of a measurement's effect in the original, and the share of refits with the same one."""

    column: str
    sign: int
    share: float


@dataclass(frozen=True, kw_only=True)
class LearningPoint:
    """The log-loss of models of so many patients minus that of the largest number, or why it cannot be said.

    The interval is that of Nadeau and Bengio, over the splits.
    """

    rows: int
    log_loss: Difference
    reason: str | None = field(default=None, metadata={"omitted": True})


@dataclass(frozen=True, kw_only=True)
class StabilitySummary:
    """The stability of a recipe.

    Attributes:
        recipe, winner: The recipe, and the parameters that it selects on all patients.
        patients, refits, splits, seed: The number of patients, bootstrap refits and splits, and the random seed.
        redrawn: Bootstrap samples that were drawn again, for want of patients of a class.
        error: Mean absolute difference between a patient's probability and that of the refits, over patients (MAPE).
        largest_error: The value that this difference does not exceed in 95 % of the patients.
        class_changes: Share of refits and patients that are on the other side of 0.5.
        bins: The refits' probabilities by original probability.
        log_loss, roc_auc: Optimism.
        slope: The calibration slope of the refits on all patients: what a new patient's log-odds should be multiplied
            by. It has no optimism, because the slope on a model's own patients has no mean: in some samples the model
            separates the classes.
        selected: The parameters that the refits selected, most frequent first.
        signs: For a linear recipe the direction of each measurement's effect, in the order of the contract.
        learning: The learning curve, without the largest number.
        largest_part: That number.
    """

    recipe: str
    winner: dict[str, recipes.Parameter]
    patients: int
    refits: int
    splits: int
    seed: int
    redrawn: int
    error: float
    largest_error: float
    class_changes: float
    bins: tuple[Bin, ...]
    log_loss: Optimism
    roc_auc: Optimism
    slope: Spread
    selected: tuple[SelectedParameters, ...]
    signs: tuple[Sign, ...] | None
    learning: tuple[LearningPoint, ...]
    largest_part: int

    @property
    def optimism(self) -> dict[str, Optimism]:
        """The measures with an optimism, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Optimism)}

    @property
    def stable_signs(self) -> int | None:
        """The number of measurements whose direction is stable; None for a recipe that is not linear."""
        return None if self.signs is None else sum(sign.share >= STABLE for sign in self.signs)


@dataclass(frozen=True)
class Stability:
    """The outcomes of all units, and their summary.

    `probabilities` has one row per refit and patient, with the columns `refit` (0 is the original), `patient` (its
    position in the clean frame) and `probability` (of malignant). `developments` has one entry per refit.
    """

    probabilities: pd.DataFrame
    developments: tuple[refits.Development, ...]
    learning: tuple[refits.Learning, ...]
    summary: StabilitySummary


def assemble(task: refits.RefitTask, outcomes: Mapping[refits.RefitUnit, refits.Outcome]) -> Stability:
    """Combine the outcomes of all units, in a fixed order, and summarize them."""
    import pandas as pd

    ordered = [outcomes[unit] for unit in sorted(outcomes, key=_original_first)]
    refitted = [outcome for outcome in ordered if isinstance(outcome, refits.Refit)]
    learning = tuple(outcome for outcome in ordered if isinstance(outcome, refits.Learning))
    p = np.array([refit.probabilities for refit in refitted])
    developments = tuple(refit.development for refit in refitted)
    table = pd.DataFrame(
        {
            "refit": np.repeat(np.arange(len(p)), p.shape[1]),
            "patient": np.tile(np.arange(p.shape[1]), len(p)),
            "probability": p.ravel(),
        }
    )
    return Stability(table, developments, learning, summary(task, p, developments, learning))


def _original_first(unit: refits.RefitUnit) -> tuple[bool, refits.RefitUnit]:
    return unit.kind != "original", unit


def summary(
    task: refits.RefitTask,
    p: NDArray[np.float64],
    developments: Sequence[refits.Development],
    learning: Sequence[refits.Learning],
) -> StabilitySummary:
    """Summarize the outcomes.

    Args:
        task: What was developed again.
        p: P(malignant) of the original (first) and of the bootstrap refits, shape (1 + refits, patients).
        developments: The same developments.
        learning: The splits of the learning curve.
    """
    original, *others = developments
    apart = np.abs(p[1:] - p[0]).mean(axis=0)
    return StabilitySummary(
        recipe=task.recipe,
        winner=original.winner,
        patients=p.shape[1],
        refits=len(others),
        splits=len(learning),
        seed=task.seed,
        redrawn=sum(development.redrawn for development in others),
        error=float(apart.mean()),
        largest_error=float(np.quantile(apart, _MOST)),
        class_changes=float(((p[1:] > THRESHOLD) != (p[0] > THRESHOLD)).mean()),
        bins=_bins(p[0], p[1:]),
        log_loss=_optimism("log_loss", developments),
        roc_auc=_optimism("roc_auc", developments),
        slope=_spread([development.everyone.slope for development in others]),
        selected=_selected(others),
        signs=_signs(original, others),
        learning=_curve(learning),
        largest_part=learning[0].rows[-1],
    )


def _bins(original: NDArray[np.float64], refitted: NDArray[np.float64]) -> tuple[Bin, ...]:
    """Return bins of equal width of the original probability; one with too few patients joins its neighbour."""
    bins = np.minimum((original * _BINS).astype(int), _BINS - 1)
    edges, last = [0], np.bincount(bins, minlength=_BINS).cumsum()
    for number in range(1, _BINS):
        if min(last[number - 1] - (last[edges[-1] - 1] if edges[-1] else 0), last[-1] - last[number - 1]) >= (
            _LEAST_PATIENTS
        ):
            edges.append(number)
    described = []
    for low, high in zip(edges, [*edges[1:], _BINS], strict=True):
        own = (bins >= low) & (bins < high)
        least, most = np.quantile(refitted[:, own], _CENTRAL)
        described.append(
            Bin(
                low=low / _BINS,
                high=high / _BINS,
                patients=int(own.sum()),
                probability=float(original[own].mean()),
                refit_low=float(least),
                refit_high=float(most),
                error=float(np.abs(refitted[:, own] - original[own]).mean()),
            )
        )
    return tuple(described)


def _optimism(measure: str, developments: Sequence[refits.Development]) -> Optimism:
    original, *others = developments
    apparent = float(getattr(original.own, measure))
    differences = np.array(
        [getattr(development.own, measure) - getattr(development.everyone, measure) for development in others]
    )
    mean = float(differences.mean())
    return Optimism(
        apparent=apparent,
        optimism=mean,
        error=float(differences.std(ddof=1)) / math.sqrt(len(others)),
        corrected=apparent - mean,
    )


def _spread(values: Sequence[float | None]) -> Spread:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        reason = f"{len(values) - len(known)} of {len(values)} refits separate the classes, or predict all alike"
        return Spread(mean=None, sd=None, reason=reason)
    return Spread(mean=float(np.mean(known)), sd=float(np.std(known, ddof=1)))


def _selected(others: Sequence[refits.Development]) -> tuple[SelectedParameters, ...]:
    counts = Counter(json.dumps(development.winner, sort_keys=True) for development in others)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(SelectedParameters(winner=json.loads(text), refits=count) for text, count in ordered)


def _signs(original: refits.Development, others: Sequence[refits.Development]) -> tuple[Sign, ...] | None:
    if original.signs is None:
        return None
    signs = np.array([development.signs for development in others])
    same = (signs == np.array(original.signs)).mean(axis=0)
    return tuple(
        Sign(column=column, sign=sign, share=float(share))
        for column, sign, share in zip(contract.FEATURES, original.signs, same, strict=True)
    )


def _curve(learning: Sequence[refits.Learning]) -> tuple[LearningPoint, ...]:
    points = []
    for place, rows in enumerate(learning[0].rows[:-1]):
        pairs = [(split.log_loss[place], split.log_loss[-1]) for split in learning]
        differences = [small - large for small, large in pairs if small is not None and large is not None]
        if len(differences) < len(pairs):
            nothing = Difference(mean=None, low=None, high=None)
            points.append(LearningPoint(rows=rows, log_loss=nothing, reason=_TOO_FEW))
            continue
        mean, low, high = corrected_interval(np.array(differences), folds=refits.TEST_FOLDS)
        points.append(LearningPoint(rows=rows, log_loss=Difference(mean=mean, low=low, high=high)))
    return tuple(points)
