"""Metadata of the stability."""

from typing import TYPE_CHECKING

from wdbc_assets.domain import formatting
from wdbc_assets.domain.evaluation import explanations
from wdbc_assets.orchestration.metadata import parts

if TYPE_CHECKING:
    import dagster as dg

    from wdbc_assets.domain.evaluation.stability import Stability, StabilitySummary

_SELECTED_SHOWN = 10


def describe_stability(value: "Stability") -> parts.Metadata:
    """Describe the stability: its measures with what they say, tables, two pictures, and numbers as trends."""
    from wdbc_assets.presentation import plots

    summary = value.summary
    signs = {} if summary.signs is None else {"stable signs": summary.stable_signs}
    return {
        "recipe": summary.recipe,
        "protocol": f"{summary.refits} bootstrap refits of {summary.patients} patients, {summary.splits} splits",
        "drawn again": summary.redrawn,
        **{explanation.label: explanation.sentence for explanation in explanations.STABILITY.values()},
        "optimism": _optimism(summary),
        "learning curve": parts.table(
            ("patients", "log-loss above that of all", "low", "high"),
            [
                (point.rows, *map(parts.decimal, (point.log_loss.mean, point.log_loss.low, point.log_loss.high)))
                for point in summary.learning
            ],
        ),
        "directions": _directions(summary),
        "selected parameters": parts.table(
            ("parameters", "refits"),
            [
                (", ".join(f"{name} {parameter}" for name, parameter in selected.winner.items()), selected.refits)
                for selected in summary.selected[:_SELECTED_SHOWN]
            ],
        ),
        "refits by original probability": parts.picture(
            plots.instability(summary),
            "The central 95 % of what refits give, by original probability",
        ),
        "learning curve, drawn": parts.picture(
            plots.learning_curve(summary), "Log-loss above that of the largest training set, by its size"
        ),
        "mean difference": round(summary.error, parts.DECIMALS),
        "class changes": round(summary.class_changes, parts.DECIMALS),
        "corrected log-loss": round(summary.log_loss.corrected, parts.DECIMALS),
        **signs,
    }


def _optimism(summary: "StabilitySummary") -> "dg.MarkdownMetadataValue":
    rows = [
        (name, *map(parts.decimal, (optimism.apparent, optimism.optimism, optimism.corrected)))
        for name, optimism in summary.optimism.items()
    ]
    return parts.table(
        ("measure", "apparent", "optimism", "corrected"),
        [*rows, ("calibration slope of the refits", "", "", formatting.spread(summary.slope))],
    )


def _directions(summary: "StabilitySummary") -> str:
    from wdbc_assets.domain.evaluation.stability import STABLE

    if summary.signs is None:
        return "none: the recipe is not linear"
    unstable = [f"{sign.column} {100 * sign.share:.0f} %" for sign in summary.signs if sign.share < STABLE]
    counted = (
        f"{summary.stable_signs} of {len(summary.signs)} are stable, the same in {100 * STABLE:.0f} % of the refits"
    )
    return f"{counted}; less often: {', '.join(unstable) or 'none'}"
