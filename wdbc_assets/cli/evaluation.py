"""How an evaluation is shown: every figure of each recipe, what its folds chose, and how the recipes differ."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wdbc_assets.cli import terminal
from wdbc_assets.domain.evaluation import floors
from wdbc_assets.domain.modeling import recipes

_COMPARED = ("log_loss", "accuracy")
_OVERVIEW = ("log_loss", "accuracy", "recall", "roc_auc")
_CHOICES_SHOWN = 3


def show(summary: Mapping[str, Any], winners: Sequence[Mapping[str, Any]], protocol: str) -> None:
    """Show an evaluation, what matters most last: that is what a terminal still shows."""
    terminal.say(
        f"\n  {summary['patients']} patients, {summary['repeats']} times {summary['folds']} folds; sd over the repeats;"
    )
    terminal.say("  95 % intervals with the correction of Nadeau and Bengio")
    for name in summary["recipes"]:
        _recipe(name, summary["recipes"], protocol)
        _choices(chosen(winners, name))
    terminal.say(f"\n  {'difference':<30} {'log-loss':<28} accuracy")
    for one in summary["differences"]:
        shown = [_difference(one[of]) for of in _COMPARED]
        terminal.say(f"  {one['recipe'] + ' - ' + one['minus']:<30} {shown[0]:<28} {shown[1]}")
    _overview(summary)


def best(summary: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return the recipe with the lowest mean log-loss, and those that it cannot be told from."""
    names = ranked(summary)
    unclear = {
        name
        for one in summary["differences"]
        for name in (one["recipe"], one["minus"])
        if names[0] in (one["recipe"], one["minus"]) and one["log_loss"]["low"] <= 0 <= one["log_loss"]["high"]
    }
    return names[0], [name for name in names[1:] if name in unclear]


def ranked(summary: Mapping[str, Any]) -> list[str]:
    """Return the recipes, the lowest mean log-loss first."""
    return sorted(summary["recipes"], key=lambda name: summary["recipes"][name]["log_loss"]["mean"])


def chosen(winners: Iterable[Mapping[str, Any]], recipe: str) -> list[dict[str, Any]]:
    """Return which parameters the folds of a recipe chose, and how many of them did, the most frequent first."""
    counts = Counter(json.dumps(one["winner"], sort_keys=True) for one in winners if one["recipe"] == recipe)
    return [{"parameters": json.loads(text), "folds": count} for text, count in counts.most_common()]


def _recipe(name: str, of: Mapping[str, Any], protocol: str) -> None:
    beside = recipes.BASELINE if name != recipes.BASELINE else ""
    floor = "  floor" if name == floors.RECIPE else ""
    terminal.say(f"\n  {name:<14} {'mean':>8} {'sd':>8}   {'95 % interval':<18} {beside:>13}{floor}".rstrip())
    for metric, figure in of[name].items():
        interval = "" if figure["low"] is None else f"[{figure['low']:.4f}, {figure['high']:.4f}]"
        seeds = _number(of[beside][metric]["mean"]) if beside else ""
        bound = _floor(metric, figure["mean"], protocol) if floor else ""
        line = (
            f"{metric:<14} {_number(figure['mean']):>8} {_number(figure['sd']):>8}   {interval:<18} {seeds:>13}{bound}"
        )
        terminal.say(f"  {line}".rstrip())


def _choices(choices: Sequence[Mapping[str, Any]]) -> None:
    if len(choices) == 1 and not choices[0]["parameters"]:
        return  # there was nothing to choose
    shown = [f"{_short(one['parameters'])} ({one['folds']})" for one in choices[:_CHOICES_SHOWN]]
    more = [f"{len(choices) - _CHOICES_SHOWN} others"] if len(choices) > _CHOICES_SHOWN else []
    terminal.say(f"  chosen by folds: {'; '.join([*shown, *more])}")


def _short(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.rpartition('__')[2]}={value}" for name, value in parameters.items())


def _overview(summary: Mapping[str, Any]) -> None:
    terminal.say("\n  " + f"{'by log-loss':<15}" + "".join(f"{of:<18}" for of in _OVERVIEW).rstrip())
    for name in ranked(summary):
        figures = [summary["recipes"][name][of] for of in _OVERVIEW]
        shown = "".join(f"{_number(one['mean']) + ' ± ' + _number(one['sd']):<18}" for one in figures)
        terminal.say(f"  {name:<15}{shown.rstrip()}")
    first, unclear = best(summary)
    told = f"; not to be told from {' and '.join(unclear)}: the interval of the difference holds 0" if unclear else ""
    terminal.say(f"  lowest log-loss: {terminal.style(first, bold=True)}{told}")


def _floor(metric: str, mean: float | None, protocol: str) -> str:
    if metric not in floors.BOUNDS:
        return ""
    bound = floors.BOUNDS[metric].floor(protocol)
    good = not floors.missed({metric: {"mean": mean}}, protocol)
    relation = "<=" if metric in floors.LESS_IS_BETTER else ">="
    return "  " + terminal.style(f"{relation} {bound:g}" + ("" if good else "  missed"), fg="green" if good else "red")


def _difference(figure: Mapping[str, float]) -> str:
    return f"{figure['mean']:+.4f} [{figure['low']:+.4f}, {figure['high']:+.4f}]"


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4f}"
