"""The gate: compares a candidate with the champion on out-of-fold predictions of both recipes for the same folds.

Repeated cross-validation evaluates recipes, so the gate compares recipes. The champion's predictions are those of the
recipe as it was when the champion was promoted: a recipe that was changed since is another candidate. The test set of
one split is too small to decide anything, and is only reported. Each criterion has a value, its interval and its bound:

- `log_loss`: the corrected interval of the difference (candidate - champion) is entirely below 0. Its level falls with
  the number of candidates that were compared with this champion before, so that trying again and again does not help.
- `net_benefit`: what decisions are worth, averaged over three thresholds; it may be at most `NET_BENEFIT_MARGIN` lower,
  with the lower bound of its interval.
- `floors`, `alarms`: the candidate's means reach the quality floors, and none raises a leakage alarm.
- `calibration`: the candidate's calibration slope is within `SLOPES`.
- `experiment`: if it received `EXPERIMENT_PATIENTS` or more patients beside the champion, it scored nearly all of them.
- `winner`: the out-of-fold log-loss of the parameters that the candidate was fitted with, held fixed, reaches its floor
  and raises no alarm. The other figures are those of the recipe, whose searches may select others.
- `search`, `patients`, `code`: the candidate was fitted with the evaluated search (grid and inner folds), patients and
  code. Otherwise the evidence belongs to another model.

If all criteria are met, the verdict is **better** and the candidate is promoted. If all but `log_loss` are met and the
interval of the difference in log-loss is within ±`EQUIVALENCE`, the verdict is **not worse** and the simpler recipe
wins, in the order of `SIMPLICITY`. Evidence cannot distinguish two fits of the same recipe; a fit of the current data,
code and parameters then replaces an outdated one, because the evidence describes the current fit. If the interval is
entirely above 0, the verdict is **worse**. Otherwise it is **inconclusive**. If there are no predictions of the
champion's recipe for these patients, the verdict is **not measured**, which never promotes. Without a champion, the
verdict is **first** if the criteria that concern only the candidate are met.

The interval is `comparison.corrected_interval`. `comparison` imports numpy and is therefore imported inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.domain.promotion import criteria
from wdbc_assets.domain.rules.base import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wdbc_assets.domain.evaluation.out_of_fold import OutOfFoldPredictions, RecipePredictions
    from wdbc_assets.domain.promotion.criteria import Comparison, Criterion

EQUIVALENCE = 0.010
"""Smaller differences in log-loss, in either direction, count as equivalent. It is half the difference between the
default recipe and `airflow_baseline` in the full protocol (.0191), the smallest gain considered worth a change. Ten
repeats can resolve it: `pca_logistic` differs from `airflow_baseline` by .0016 [-.0037, +.0068]."""

SIMPLICITY = ("logistic", "airflow_baseline", "pca_logistic", "spline", "svc", "stacking", "blend")
"""Recipes from simplest to most complex: thirty coefficients that explain each prediction exactly; a linear model on
principal components of transformed measurements; the same with a larger grid; sixty coefficients, two for each
measurement; a support vector machine without coefficients; a stack of three models; the mean of two of these."""

production_is_healthy = Rule(
    "production_is_healthy",
    "The champion's pointer, files and history are intact, and it was not promoted with --force.",
    "Run `wdbc champion` and `wdbc history`. `wdbc rollback --reason TEXT` restores an earlier champion.",
    blocking=False,
)
RULES = (production_is_healthy,)

Name = Literal["first", "better", "not worse", "inconclusive", "worse", "not measured", "too few to say"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The gate's verdict on a candidate, and whether it replaces the champion (None if there is no champion).

    `attempt` numbers the candidates that were compared with this champion; `comparison` has their differences. `folds`
    is 0 if two fitted models were compared, on patients that neither has seen (`refit_comparison`).
    """

    name: Name
    promoted: bool
    reason: str
    candidate: str
    champion: str | None
    repeats: int
    folds: int
    patients: int
    attempt: int
    comparison: criteria.Comparison | None
    criteria: tuple[criteria.Criterion, ...]

    @property
    def broken(self) -> list[str]:
        """The names of the criteria that are not met, except the log-loss."""
        return _broken(self.criteria)

    @property
    def protocol(self) -> str:
        """What was compared: out-of-fold predictions, or two fitted models."""
        if not self.folds:
            return f"two fitted models, on {self.patients} patients that neither has seen"
        return f"{self.repeats} times {self.folds} folds of {self.patients} patients"


def compare(
    evaluated: OutOfFoldPredictions,
    *,
    candidate: str,
    champion: str | None,
    champion_predictions: RecipePredictions | None = None,
    published: bool = False,
    winner_log_loss: float | None = None,
    attempt: int = 1,
    other_search: str = "",
    same_patients: bool = True,
    same_code: bool = True,
    same_recipe: bool = False,
    supersedes: bool = True,
    experiment: Mapping[str, int] | None = None,
) -> Verdict:
    """Compare a candidate's recipe with the champion's; both may be the same recipe.

    Args:
        evaluated: the out-of-fold predictions of `cross_validation`, with those of the candidate's recipe.
        candidate: the candidate's recipe.
        champion: the champion's recipe, or None if there is no champion.
        champion_predictions: the out-of-fold predictions of the champion's recipe for the same patients in the same
            folds, or None if there are none. Only the repeats that both have are compared.
        published: whether the evaluated patients are the published data.
        winner_log_loss: the out-of-fold log-loss of the candidate's own parameters, or None if it is not known.
        attempt: which of the candidates compared with this champion it is, from 1.
        other_search: what differs between the search of the candidate and the evaluated one; empty if nothing does.
        same_patients: whether the candidate was fitted on patients of the evaluated clean frame.
        same_code: whether the candidate was fitted and evaluated with the current code.
        same_recipe: whether both are the same recipe, and its code is unchanged.
        supersedes: whether the candidate is the fit of the current data, code and parameters; this decides between two
            fits of the same recipe.
        experiment: how many patients the candidate `scored` and `failed` to score beside this champion, if any.

    Raises:
        WdbcError: a recipe was not evaluated, or not on the same patients in the same folds.
    """
    from wdbc_assets.domain.evaluation import calibration, comparison, floors

    _require_evaluated(evaluated, candidate)
    own = evaluated.of(candidate)
    repeats, folds = len(own.repeats), own.folds
    alone = (
        *criteria.floor_criteria(comparison.means(own), floors.limits(candidate, repeats, published=published)),
        *criteria.winner_criteria(
            winner_log_loss, floors.limits(candidate, recipes.PROTOCOLS["quick"], published=published)["log_loss"]
        ),
        *criteria.calibration_criteria(calibration.slope(own.y, own.p)),
        *criteria.evidence_criteria(other_search, same_patients=same_patients, same_code=same_code),
        *criteria.experiment_criteria(experiment),
    )
    measured = None if champion_predictions is None else _compared(own, champion_predictions, attempt)
    compared = () if measured is None else criteria.comparison_criteria(measured, attempt)
    name, promoted, reason = _verdict(
        compared, alone, candidate, champion, same_recipe=same_recipe, supersedes=supersedes
    )
    return Verdict(
        name=name,
        promoted=promoted,
        reason=reason,
        candidate=candidate,
        champion=champion,
        repeats=repeats,
        folds=folds,
        patients=len(own.y),
        attempt=attempt,
        comparison=measured,
        criteria=(*compared, *alone),
    )


def simpler(first: str, second: str) -> bool:
    """Return whether the first recipe is simpler than the second; recipes not in `SIMPLICITY` are the least simple."""
    ranks = [SIMPLICITY.index(name) if name in SIMPLICITY else len(SIMPLICITY) for name in (first, second)]
    return ranks[0] < ranks[1]


def _compared(candidate: RecipePredictions, champion: RecipePredictions, attempt: int) -> Comparison:
    """Compare two recipes on the repeats that both have.

    Raises:
        WdbcError: they have none, or the predictions are not for the same patients in the same folds.
    """
    from wdbc_assets.domain.evaluation import out_of_fold

    repeats = set(candidate.repeats) & set(champion.repeats)
    first, second = (predictions.only(repeats) for predictions in (candidate, champion))
    out_of_fold.require_pairs(first, second)
    return criteria.compare(first, second, folds=candidate.folds, attempt=attempt)


def _broken(criteria_: tuple[Criterion, ...]) -> list[str]:
    return [criterion.name for criterion in criteria_ if criterion.name != criteria.LOG_LOSS and not criterion.holds]


def _verdict(
    compared: tuple[Criterion, ...],
    alone: tuple[Criterion, ...],
    candidate: str,
    champion: str | None,
    *,
    same_recipe: bool,
    supersedes: bool,
) -> tuple[Name, bool, str]:
    broken = _broken((*compared, *alone))
    problems = f"criteria not met: {', '.join(broken)}"
    if champion is None:
        return ("inconclusive", False, problems) if broken else ("first", True, "there is no champion to compare with")
    if not compared:
        return "not measured", False, _unmeasured(champion)
    log_loss = next(criterion for criterion in compared if criterion.name == criteria.LOG_LOSS)
    low, high = criteria.known(log_loss.low), criteria.known(log_loss.high)
    if low > 0:
        return "worse", False, "its log-loss is significantly higher"
    if broken:
        return "inconclusive", False, problems
    if log_loss.holds:
        return "better", True, "its log-loss is significantly lower, and all other criteria are met"
    if -low < EQUIVALENCE and high < EQUIVALENCE:
        return "not worse", *_prefer_simpler(candidate, champion, same_recipe=same_recipe, supersedes=supersedes)
    return "inconclusive", False, "the interval of the difference in log-loss contains 0 and exceeds the margin"


def _unmeasured(champion: str) -> str:
    reason = "there are no predictions of the champion's recipe for these patients"
    if champion not in recipes.RECIPES:
        return f"{reason}, and the recipe {champion} no longer exists"
    return (
        f"{reason}; `wdbc evaluate --recipe {champion}` makes them, unless the recipe was changed since its promotion"
    )


def _prefer_simpler(candidate: str, champion: str, *, same_recipe: bool, supersedes: bool) -> tuple[bool, str]:
    if same_recipe and supersedes:
        return True, "the same recipe, fitted with the current data, code and parameters"
    if same_recipe:
        return False, "the same recipe, but not a newer fit of it; `wdbc rollback` restores an earlier champion"
    if simpler(candidate, champion):
        return True, f"equivalent within {EQUIVALENCE:g}, and {candidate} is simpler than {champion}"
    return False, f"equivalent within {EQUIVALENCE:g}, but {champion} is simpler than {candidate}"


def _require_evaluated(evaluated: OutOfFoldPredictions, candidate: str) -> None:
    if candidate not in evaluated.recipes:
        raise WdbcError(
            f"cross_validation has no results for {candidate}, so there is no evidence to compare",
            where="cross_validation",
            hint=f"Run `wdbc evaluate --recipe {candidate}` first.",
        )
