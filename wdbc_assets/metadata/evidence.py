"""How the evidence is described: recipes judged over and over on the same folds."""

from typing import TYPE_CHECKING, Any

from wdbc_assets.domain import floors
from wdbc_assets.metadata import parts

if TYPE_CHECKING:
    from wdbc_assets.domain import cross_validation


def of_cross_validation(value: "cross_validation.CrossValidation") -> dict[str, Any]:
    """Describe the evaluation: each recipe's figures, the paired differences, and figures with a floor as trends."""
    from wdbc_assets import plots

    summary = value.summary
    shown = ("log_loss", "accuracy", "recall", "roc_auc")
    return {
        "protocol": f"{summary['repeats']} times {summary['folds']} folds of {summary['patients']} patients",
        "recipes": parts.table(
            ("recipe", *shown),
            [
                (name, *(f"{parts.decimal(figures[of]['mean'])} ± {parts.decimal(figures[of]['sd'])}" for of in shown))
                for name, figures in summary["recipes"].items()
            ],
        ),
        "differences of log-loss": parts.table(
            ("recipe", "minus", "mean", "low", "high"),
            [
                (
                    one["recipe"],
                    one["minus"],
                    *(parts.decimal(one["log_loss"][part]) for part in ("mean", "low", "high")),
                )
                for one in summary["differences"]
            ],
        ),
        "recipes compared": parts.picture(
            plots.recipes_compared(summary), "Log-loss and accuracy of each recipe with intervals"
        ),
        **{
            f"{floors.RECIPE} {name}": round(float(mean), parts.DECIMALS)
            for name in floors.BOUNDS
            if (mean := summary["recipes"][floors.RECIPE][name]["mean"]) is not None
        },
    }
