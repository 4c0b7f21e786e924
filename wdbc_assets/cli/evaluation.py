"""How an evaluation is printed: each recipe's metrics and selected parameters, and the differences between recipes."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

from wdbc_assets.cli import terminal
from wdbc_assets.domain import formatting
from wdbc_assets.domain.evaluation import explanations, floors
from wdbc_assets.domain.modeling import recipes

if TYPE_CHECKING:
    from wdbc_assets.domain.evaluation.cross_validation import Winner
    from wdbc_assets.domain.evaluation.results import (
        Calibration,
        Difference,
        EvaluationSummary,
        MeasurementSubgroups,
    )

_OVERVIEW = ("log_loss", "accuracy", "recall", "roc_auc")
_CHOICES_SHOWN = 3


def show(summary: "EvaluationSummary", winners: "Sequence[Winner]") -> None:
    """Print an evaluation. The overview comes last, because the end is what stays visible in a terminal."""
    terminal.say(
        f"\n  {summary.patients} patients, {summary.repeats} x {summary.folds} folds; mean and sd over the repeats;"
    )
    terminal.say("  mean of folds with its 95 % interval (Nadeau and Bengio)")
    for name in summary.recipes:
        _show_recipe(name, summary)
        _show_calibration(summary.calibration[name])
        _show_subgroups(summary.subgroups.get(name, ()))
        _show_selected(selected_parameters(winners, name))
    terminal.say(f"\n  {'difference':<30} {'log-loss':<28} accuracy")
    for difference in summary.differences:
        names = f"{difference.recipe} - {difference.minus}"
        log_loss, accuracy = _difference(difference.log_loss), _difference(difference.accuracy)
        terminal.say(f"  {names:<30} {log_loss:<28} {accuracy}")
    _show_overview(summary)
    terminal.say(f"  {explanations.multiplicity(summary.comparisons)}")
    terminal.say(f"  {explanations.PROTOCOLS.sentence}")


def best(summary: "EvaluationSummary") -> tuple[str, list[str]]:
    """Return the recipe with the lowest mean log-loss, and the recipes that do not differ from it significantly."""
    names = ranked(summary)
    not_significant = {
        name
        for difference in summary.differences
        for name in (difference.recipe, difference.minus)
        if names[0] in (difference.recipe, difference.minus) and not difference.log_loss.excludes_zero
    }
    return names[0], [name for name in names[1:] if name in not_significant]


def ranked(summary: "EvaluationSummary") -> list[str]:
    """Return the recipes by mean log-loss, lowest first."""
    return sorted(summary.recipes, key=lambda name: summary.recipes[name].log_loss.mean or 0.0)


class SelectedInFolds(TypedDict):
    """Parameters, and the number of folds whose inner search selected them."""

    parameters: dict[str, recipes.Parameter]
    folds: int


def selected_parameters(winners: "Iterable[Winner]", recipe: str) -> list[SelectedInFolds]:
    """Return the parameters selected by a recipe's inner searches, most frequent first."""
    counts = Counter(json.dumps(fold.winner, sort_keys=True) for fold in winners if fold.recipe == recipe)
    return [{"parameters": json.loads(text), "folds": count} for text, count in counts.most_common()]


def _show_recipe(name: str, summary: "EvaluationSummary") -> None:
    metrics = summary.recipes
    limits = floors.limits(floors.RECIPE, summary.repeats, published=summary.published)
    baseline = recipes.BASELINE if name != recipes.BASELINE in metrics else ""  # a large table has none
    floor = "  floor" if name == floors.RECIPE else ""
    terminal.say(
        f"\n  {name:<14} {'mean':>8} {'sd':>8}   {'of folds':>8} {'95 % interval':<18} {baseline:>13}{floor}".rstrip()
    )
    for metric, value in metrics[name].by_name.items():
        interval = "" if value.low is None else f"[{value.low:.4f}, {value.high:.4f}]"
        reference = formatting.number(metrics[baseline].means[metric]) if baseline else ""
        bound = _floor(metric, value.mean, limits) if floor else ""
        mean, sd = formatting.number(value.mean), formatting.number(value.sd)
        fold_mean = formatting.number(value.of_folds) if interval else ""
        terminal.say(
            f"  {metric:<14} {mean:>8} {sd:>8}   {fold_mean:>8} {interval:<18} {reference:>13}{bound}".rstrip()
        )


def _show_calibration(calibration: "Calibration") -> None:
    chance = calibration.ece_if_calibrated
    slope, intercept = formatting.spread(calibration.slope), formatting.spread(calibration.intercept)
    terminal.say(f"  calibration slope {slope}, in the large {intercept}")
    terminal.say(f"  an ECE from {chance.low:.4f} to {chance.high:.4f} is chance alone, and decides nothing")


def _show_subgroups(subgroups: "Sequence[MeasurementSubgroups]") -> None:
    for by in subgroups[:1]:  # the report has the other measurements
        shares = "  ".join(formatting.number(group.share.value, ".3f") for group in by.recall.groups)
        reason = f" ({by.recall.reason})" if by.recall.reason else ""
        terminal.say(f"  recall by quarter of the {explanations.mean_of(by.measurement)}: {shares}{reason}")


def _show_selected(selected: Sequence[SelectedInFolds]) -> None:
    if len(selected) == 1 and not selected[0]["parameters"]:
        return  # the recipe has a single candidate
    shown = [f"{_short(choice['parameters'])} ({choice['folds']})" for choice in selected[:_CHOICES_SHOWN]]
    more = [f"{len(selected) - _CHOICES_SHOWN} others"] if len(selected) > _CHOICES_SHOWN else []
    terminal.say(f"  selected in folds: {'; '.join([*shown, *more])}")


def _short(parameters: recipes.Parameters) -> str:
    return ", ".join(f"{name.rpartition('__')[2]}={value}" for name, value in parameters.items())


def _show_overview(summary: "EvaluationSummary") -> None:
    terminal.say("\n  " + f"{'by log-loss':<18}" + "".join(f"{metric:<18}" for metric in _OVERVIEW).rstrip())
    for name in ranked(summary):
        values = [summary.recipes[name].by_name[metric] for metric in _OVERVIEW]
        cells = "".join(
            f"{formatting.number(value.mean) + ' ± ' + formatting.number(value.sd):<18}" for value in values
        )
        terminal.say(f"  {name:<18}{cells.rstrip()}")
    first, not_significant = best(summary)
    note = (
        f"; no significant difference to {' and '.join(not_significant)} (the interval contains 0)"
        if not_significant
        else ""
    )
    terminal.say(f"  lowest log-loss: {terminal.style(first, bold=True)}{note}")


def _floor(metric: str, mean: float | None, limits: "Mapping[str, floors.MetricLimits]") -> str:
    if metric not in limits:
        return ""
    reached = not floors.missed({metric: mean}, limits)
    relation = "<=" if metric in floors.LESS_IS_BETTER else ">="
    text = f"{relation} {limits[metric].floor:.4g}" + ("" if reached else "  missed")
    return "  " + terminal.style(text, fg="green" if reached else "red")


def _difference(value: "Difference") -> str:
    return f"{value.mean:+.4f} [{value.low:+.4f}, {value.high:+.4f}]"
