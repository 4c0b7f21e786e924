"""The gate: whether a candidate may take the champion's place, on the same out-of-fold predictions of both recipes.

What is judged is recipes, for that is what repeated cross-validation judges; the test part of one split is too small to
choose by, and may only object. Each criterion is one `Criterion`, said with its interval and its bound:

- `log_loss`: the corrected 95 % interval of the difference (candidate - champion) lies wholly below 0.
- `accuracy`: the lower bound of the difference is above `ACCURACY_MARGIN`.
- `specificity`: at a recall of `RECALL`, it is not lower by more than `SPECIFICITY_MARGIN`.
- `floors`, `alarms`: the candidate's means reach the floors, and none is too good to be true.
- `test accuracy`, `test ROC-AUC`: the fitted pipeline reaches a modest figure on the test part.
- `trial`: if it was given `TRIAL_PATIENTS` or more patients beside the champion, it answered for all but a few.
- `search`, `patients`, `code`: it was fitted by the search that was judged (the recipe's full grid), on the patients
  that were, by the code that was; else the evidence is of something else.

All of them: **better**, and promoted. If all but the first hold and the difference of log-loss lies within
`EQUIVALENCE` on either side: **not worse**, and the simpler recipe wins, by the order `SIMPLICITY`. A recipe is as
simple as itself: no evidence parts two fits of it, and then the fit of the present data, code and parameters takes the
place of one of superseded ones, for those figures are of what would be fitted now. An interval wholly above 0:
**worse**. All else: **cannot tell**. Where there is no champion, there is nothing to compare with: **first**, if what
can be asked of the candidate alone holds.

Interval: `comparison.corrected_interval`. It imports numpy: import it where it is used, but for the constants.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from wdbc_assets.domain import floors, recipes
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.rule_kinds import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd

ACCURACY_MARGIN = -0.015
"""A lower bound of the accuracy's difference above it: at worst one more patient of 67 is called wrongly."""

SPECIFICITY_MARGIN = 0.02
"""As many of the benign may be called malignant in addition, where 98 % of the malignant are found: 7 of 357."""

RECALL = 0.98
"""Where specificities are compared: the recall that the decision policy aims at by default."""

EQUIVALENCE = 0.010
"""Differences of log-loss within it on either side count as none. Half of what parts the default recipe from the exam
project's on the full protocol (.0191), the smallest gain that was thought worth a change; and wide enough that ten
repeats can tell it: the seed's recipe with a larger grid differs by .0016 [-.0037, +.0068]."""

TEST_FLOORS = {"accuracy": 0.939, "roc_auc": 0.975}
"""What the fitted pipeline must reach on the test part: three standard deviations below what 200 splits gave."""

TRIAL_PATIENTS, TRIAL_ANSWERED = 100, 0.999
"""From how many patients on a trial counts, and for what share of them there must have been an answer. How far the
two agreed is shown and decides nothing: nobody knows yet who was right."""

SIMPLICITY = ("logistic", "seed_baseline", "pca_logistic", "svc", "stacking")
"""The simplest first. Thirty coefficients that explain each patient exactly; the same on components of transformed
measurements; that with more to choose from; a machine without coefficients; three models and one over them."""

the_candidate_may_replace_the_champion = Rule(
    "the_candidate_may_replace_the_champion",
    "The candidate is better than the champion beyond chance, or as good and simpler, or its recipe's present fit.",
    "The champion stays. See each criterion; `wdbc evaluate --protocol full` can tell smaller differences.",
    blocking=False,
)
RULES = (the_candidate_may_replace_the_champion,)

Name = Literal["first", "better", "not worse", "cannot tell", "worse"]


class _Difference(TypedDict):
    value: float | None
    low: float | None
    high: float | None


LOG_LOSS, COMPARED = "log_loss", ("log_loss", "accuracy", "specificity")


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One demand: what it is, what was found (with the ends of the 95 % interval, if it has any), and if it holds."""

    name: str
    demand: str
    holds: bool
    value: float | None = None
    low: float | None = None
    high: float | None = None
    bound: float | None = None
    found: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the evidence says of a candidate, and whether it takes the champion's place (recipe None: there is none)."""

    name: Name
    promoted: bool
    reason: str
    candidate: str
    champion: str | None
    repeats: int
    folds: int
    patients: int
    criteria: tuple[Criterion, ...]

    def breaches(self) -> list[str]:
        """Say why it is not promoted, each criterion that does not hold as `name is value, needed: ...`."""
        if self.promoted:
            return []
        return [
            f"{one.name} is {one.found or _shown(one.value) + _interval(one)}, needed: {one.demand}"
            for one in self.criteria
            if not one.holds
        ] or [f"verdict is {self.name}, needed: {self.reason}"]

    def to_plain(self) -> dict[str, Any]:
        """Give it as plain values, ready for JSON."""
        return asdict(self) | {"criteria": [asdict(one) for one in self.criteria]}


def judge(
    predictions: pd.DataFrame,
    *,
    candidate: str,
    champion: str | None,
    test: Mapping[str, Any],
    grid: str = "full",
    same_patients: bool = True,
    same_code: bool = True,
    supersedes: bool = True,
    trial: Mapping[str, int] | None = None,
) -> Verdict:
    """Judge a candidate's recipe against the champion's; both are names of recipes, and may be the same.

    `predictions` are those of `cross_validation`, with both recipes on the same folds; `test` is what
    `evaluation.evaluate` found of the fitted candidate; `grid` what it was fitted with; `same_patients` and `same_code`
    whether it was fitted on those and by that which was judged; `supersedes` whether it is the fit of the present data,
    code and parameters, which decides between two fits of one recipe; `trial` how many patients it `scored` and
    `failed` beside this champion, if it was tried so.

    Raises WdbcError if a recipe was not judged, or not on the same patients in the same folds.
    """
    from wdbc_assets.domain import comparison

    names = [candidate] if champion in (candidate, None) else [candidate, str(champion)]
    _require_judged(predictions, names)
    of_both = predictions[predictions["recipe"].isin(names)]
    summary = comparison.summary(of_both)
    alone = (*_of_figures(summary["recipes"][candidate], summary["repeats"]), *_of_test(test))
    alone = (*alone, *_of_evidence(grid, same_patients=same_patients, same_code=same_code), *_of_trial(trial))
    compared = () if champion is None else _compared(of_both, summary, candidate, champion)
    name, promoted, reason = _verdict(compared, alone, candidate, champion, supersedes=supersedes)
    return Verdict(
        name=name,
        promoted=promoted,
        reason=reason,
        candidate=candidate,
        champion=champion,
        repeats=summary["repeats"],
        folds=summary["folds"],
        patients=summary["patients"],
        criteria=(*compared, *alone),
    )


def simpler(one: str, other: str) -> bool:
    """Say whether a recipe is simpler than another; one without a place in the order is the least simple."""
    places = [SIMPLICITY.index(name) if name in SIMPLICITY else len(SIMPLICITY) for name in (one, other)]
    return places[0] < places[1]


def _verdict(
    compared: tuple[Criterion, ...],
    alone: tuple[Criterion, ...],
    candidate: str,
    champion: str | None,
    *,
    supersedes: bool,
) -> tuple[Name, bool, str]:
    broken = [one.name for one in (*compared, *alone) if one.name != LOG_LOSS and not one.holds]
    amiss = f"broken: {', '.join(broken)}"
    if champion is None:
        return ("cannot tell", False, amiss) if broken else ("first", True, "there is no champion to compare with")
    log_loss = next(one for one in compared if one.name == LOG_LOSS)
    low, high = _known(log_loss.low), _known(log_loss.high)
    if low > 0:
        return "worse", False, "its log-loss is higher, and that is more than chance"
    if broken:
        return "cannot tell", False, amiss
    if log_loss.holds:
        return "better", True, "its log-loss is lower, that is more than chance, and nothing speaks against it"
    if -low < EQUIVALENCE and high < EQUIVALENCE:
        return "not worse", *_of_equals(candidate, champion, supersedes=supersedes)
    return "cannot tell", False, "the interval of the difference of log-loss holds 0, and reaches beyond the margin"


def _of_equals(candidate: str, champion: str, *, supersedes: bool) -> tuple[bool, str]:
    if candidate == champion and supersedes:
        return True, "the same recipe, fitted on the present data by the present code and parameters"
    if candidate == champion:
        return False, "the same recipe, but not the present fit of it; `wdbc rollback` goes back to an earlier champion"
    if simpler(candidate, champion):
        return True, f"as good within {EQUIVALENCE:g}, and {candidate} is simpler than {champion}"
    return False, f"as good within {EQUIVALENCE:g}, but {champion} is simpler than {candidate}"


def _known(bound: float | None) -> float:
    # One value gives no interval; then nothing is more than chance, and nothing is equivalent.
    return math.nan if bound is None else bound


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _interval(one: Criterion) -> str:
    return "" if one.low is None or one.high is None else f" [{one.low:.4f}, {one.high:.4f}]"


def _compared(
    predictions: pd.DataFrame, summary: Mapping[str, Any], candidate: str, champion: str
) -> tuple[Criterion, ...]:
    log_loss, accuracy = (_difference(summary, candidate, champion, of) for of in ("log_loss", "accuracy"))
    specificity = _specificity_difference(predictions, candidate, champion, folds=summary["folds"])
    return (
        Criterion(
            name=LOG_LOSS,
            demand="upper bound of the difference below 0",
            holds=_known(log_loss["high"]) < 0,
            bound=0.0,
            **log_loss,
        ),
        Criterion(
            name="accuracy",
            demand=f"lower bound of the difference above {ACCURACY_MARGIN:g}",
            holds=_known(accuracy["low"]) > ACCURACY_MARGIN,
            bound=ACCURACY_MARGIN,
            **accuracy,
        ),
        Criterion(
            name="specificity",
            demand=f"at a recall of {RECALL:g}, not lower by more than {SPECIFICITY_MARGIN:g}",
            holds=_known(specificity["value"]) >= -SPECIFICITY_MARGIN,
            bound=-SPECIFICITY_MARGIN,
            **specificity,
        ),
    )


def _difference(summary: Mapping[str, Any], candidate: str, champion: str, of: str) -> _Difference:
    if candidate == champion:
        return {"value": 0.0, "low": 0.0, "high": 0.0}
    (found,) = summary["differences"]
    mean, low, high = (found[of][part] for part in ("mean", "low", "high"))
    if found["recipe"] == candidate:
        return {"value": mean, "low": low, "high": high}
    return {"value": -mean, "low": None if high is None else -high, "high": None if low is None else -low}


def _specificity_difference(predictions: pd.DataFrame, candidate: str, champion: str, *, folds: int) -> _Difference:
    """Give the difference of the specificities at each repeat's threshold, over the folds, as the others are."""
    from wdbc_assets.domain import comparison

    if candidate == champion:
        return {"value": 0.0, "low": 0.0, "high": 0.0}
    of = [specificities(predictions[predictions["recipe"] == name]) for name in (candidate, champion)]
    value, low, high = comparison.corrected_interval(of[0] - of[1], folds=folds)
    return {"value": value, "low": low, "high": high}


def specificities(predictions: pd.DataFrame) -> np.ndarray:
    """Give one recipe's specificity in each fold, repeat by repeat, shape (repeats * folds,).

    A patient is called malignant at the threshold of the repeat: the largest at which `RECALL` of all malignant
    patients of that repeat are found (`policy.recall_threshold`).
    """
    from wdbc_assets.domain import contract, policy

    malignant = predictions[predictions["diagnosis"] == contract.MALIGNANT]
    threshold = malignant.groupby("repeat")["probability"].agg(
        lambda found: policy.recall_threshold(found.to_numpy(), RECALL)[0]
    )
    benign = predictions[predictions["diagnosis"] == contract.BENIGN]
    right = benign["probability"] < benign["repeat"].map(threshold)
    return right.groupby([benign["repeat"], benign["fold"]], sort=True).mean().to_numpy(dtype="float64")


def _of_figures(figures: Mapping[str, Mapping[str, Any]], repeats: int) -> tuple[Criterion, Criterion]:
    protocol = "full" if repeats >= recipes.PROTOCOLS["full"] else "quick"
    missed, alarms = floors.missed(figures, protocol), floors.alarms(figures)
    return (
        Criterion(
            name="floors",
            demand=f"no mean is worse than its floor on the {protocol} protocol",
            holds=not missed,
            found="; ".join(missed),
        ),
        Criterion(name="alarms", demand="no mean is too good to be true", holds=not alarms, found="; ".join(alarms)),
    )


def _of_test(test: Mapping[str, Any]) -> tuple[Criterion, ...]:
    return tuple(
        Criterion(
            name=f"test {'ROC-AUC' if name == 'roc_auc' else name}",
            demand=f"at least {floor:g} on the test part",
            holds=test[name]["value"] is not None and test[name]["value"] >= floor,
            value=test[name]["value"],
            low=test[name]["low"],
            high=test[name]["high"],
            bound=floor,
        )
        for name, floor in TEST_FLOORS.items()
    )


def _of_evidence(grid: str, *, same_patients: bool, same_code: bool) -> tuple[Criterion, ...]:
    """Say whether the evidence is of this candidate."""
    search = grid == "full"
    return (
        Criterion(
            name="search",
            demand="fitted by the search that was judged: the full grid",
            holds=search,
            found="" if search else f"the grid {grid}",
        ),
        Criterion(
            name="patients",
            demand="fitted on patients of the clean frame that was judged",
            holds=same_patients,
            found="" if same_patients else "another clean frame; run `wdbc run`, then `wdbc evaluate`",
        ),
        Criterion(
            name="code",
            demand="fitted and judged by the present code",
            holds=same_code,
            found="" if same_code else "other code; run `wdbc run`, then `wdbc evaluate`",
        ),
    )


def _of_trial(trial: Mapping[str, int] | None) -> tuple[Criterion, ...]:
    given = trial["scored"] + trial["failed"] if trial else 0
    if trial is None or given < TRIAL_PATIENTS:
        return ()
    answered = trial["scored"] / given
    return (
        Criterion(
            name="trial",
            demand=f"an answer for at least {TRIAL_ANSWERED:.1%} of its patients beside the champion",
            holds=answered >= TRIAL_ANSWERED,
            value=answered,
            bound=TRIAL_ANSWERED,
            found=f"{trial['failed']} of {given} patients without an answer",
        ),
    )


def _require_judged(predictions: pd.DataFrame, names: list[str]) -> None:
    unknown = sorted(set(names) - set(predictions["recipe"].unique()))
    if unknown:
        raise WdbcError(
            f"cross_validation has not judged {' and '.join(unknown)}: there is no evidence to decide by",
            where="cross_validation",
            mend=f"Run `wdbc evaluate {' '.join(f'--recipe {name}' for name in unknown)}` first.",
        )
