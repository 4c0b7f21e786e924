"""The gate: whether a candidate may take the champion's place, on the same out-of-fold predictions of both recipes.

What is judged is recipes, for that is what repeated cross-validation judges; the test part of one split is too small to
choose by, and may only object. Each criterion is one `criteria.Criterion`, said with its interval and its bound:

- `log_loss`: the corrected 95 % interval of the difference (candidate - champion) lies wholly below 0.
- `accuracy`: the lower bound of the difference is above `ACCURACY_MARGIN`.
- `specificity`: at a recall of `RECALL`, it is not lower by more than `SPECIFICITY_MARGIN`.
- `floors`, `alarms`: the candidate's means reach the floors, and none is too good to be true.
- `test accuracy`, `test ROC-AUC`: the fitted pipeline reaches a modest figure on the test part.
- `experiment`: if it was given `EXPERIMENT_PATIENTS` or more patients beside the champion, it answered for all but a
few.
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

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.promotion import criteria
from wdbc_assets.domain.rules.base import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from wdbc_assets.domain.promotion.criteria import Criterion

EQUIVALENCE = 0.010
"""Differences of log-loss within it on either side count as none. It is half the difference between the default recipe
and `airflow_baseline` on the full protocol (.0191), the smallest gain that was thought worth a change; and wide enough
for ten repeats to resolve: `pca_logistic` differs from `airflow_baseline` by .0016 [-.0037, +.0068]."""

SIMPLICITY = ("logistic", "airflow_baseline", "pca_logistic", "svc", "stacking")
"""The simplest first. Thirty coefficients that explain each patient exactly; the same on components of transformed
measurements; that with more to choose from; a machine without coefficients; three models and one over them."""

production_is_healthy = Rule(
    "production_is_healthy",
    "The champion's pointer, files and history are what was written, and it was not promoted by force.",
    "See `wdbc champion` and `wdbc history`; `wdbc rollback --reason TEXT` goes back to an earlier champion.",
    blocking=False,
)
RULES = (production_is_healthy,)

Name = Literal["first", "better", "not worse", "cannot tell", "worse"]


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

    @property
    def broken(self) -> list[str]:
        """The criteria that do not hold, but for the log-loss: what speaks against it beside that."""
        return [one.name for one in self.criteria if one.name != criteria.LOG_LOSS and not one.holds]

    def to_plain(self) -> dict[str, Any]:
        """Give it as plain values, ready for JSON."""
        return asdict(self) | {"criteria": [asdict(one) for one in self.criteria]}


def compare(
    predictions: pd.DataFrame,
    *,
    candidate: str,
    champion: str | None,
    test: Mapping[str, Any],
    grid: str = "full",
    same_patients: bool = True,
    same_code: bool = True,
    supersedes: bool = True,
    experiment: Mapping[str, int] | None = None,
) -> Verdict:
    """Judge a candidate's recipe against the champion's; both are names of recipes, and may be the same.

    `predictions` are those of `cross_validation`, with both recipes on the same folds; `test` is what
    `evaluation.evaluate` found of the fitted candidate; `grid` what it was fitted with; `same_patients` and `same_code`
    whether it was fitted on those and by that which was judged; `supersedes` whether it is the fit of the present data,
    code and parameters, which decides between two fits of one recipe; `experiment` how many patients it `scored` and
    `failed` beside this champion, if it was tried so.

    Raises WdbcError if a recipe was not judged, or not on the same patients in the same folds.
    """
    from wdbc_assets.domain.evaluation import comparison

    names = [candidate] if champion in (candidate, None) else [candidate, str(champion)]
    _require_evaluated(predictions, names)
    of_both = predictions[predictions["recipe"].isin(names)]
    summary = comparison.summary(of_both)
    alone = (
        *criteria.floor_criteria(summary["recipes"][candidate], summary["repeats"]),
        *criteria.test_set_criteria(test),
    )
    alone = (
        *alone,
        *criteria.evidence_criteria(grid, same_patients=same_patients, same_code=same_code),
        *criteria.experiment_criteria(experiment),
    )
    compared = () if champion is None else criteria.comparison_criteria(of_both, summary, candidate, champion)
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
    broken = [one.name for one in (*compared, *alone) if one.name != criteria.LOG_LOSS and not one.holds]
    problems = f"broken: {', '.join(broken)}"
    if champion is None:
        return ("cannot tell", False, problems) if broken else ("first", True, "there is no champion to compare with")
    log_loss = next(one for one in compared if one.name == criteria.LOG_LOSS)
    low, high = criteria.known(log_loss.low), criteria.known(log_loss.high)
    if low > 0:
        return "worse", False, "its log-loss is higher, and that is more than chance"
    if broken:
        return "cannot tell", False, problems
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


def _require_evaluated(predictions: pd.DataFrame, names: list[str]) -> None:
    unknown = sorted(set(names) - set(predictions["recipe"].unique()))
    if unknown:
        raise WdbcError(
            f"cross_validation has not judged {' and '.join(unknown)}: there is no evidence to decide by",
            where="cross_validation",
            hint=f"Run `wdbc evaluate {' '.join(f'--recipe {name}' for name in unknown)}` first.",
        )
