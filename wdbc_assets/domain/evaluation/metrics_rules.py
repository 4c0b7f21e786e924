"""Rules for the metrics on the test set. This module imports no heavy libraries."""

from typing import TYPE_CHECKING

from wdbc_assets.domain.evaluation import floors
from wdbc_assets.domain.rules.base import ResultRule

if TYPE_CHECKING:
    from wdbc_assets.domain.evaluation.metrics_result import Metrics


def miscounted(metrics: "Metrics") -> list[str]:
    """Return a message for each class whose row of the confusion matrix has another number of patients."""
    rows = zip(("benign", "malignant"), metrics.confusion_matrix, (metrics.benign, metrics.malignant), strict=True)
    return [f"{name} is {sum(row)}, needed: {count}" for name, row, count in rows if sum(row) != count]


def below_the_floors(metrics: "Metrics") -> list[str]:
    """Return a message for each metric whose whole interval is worse than its quality floor."""
    limits = floors.limits(floors.RECIPE, 1, published=False)
    best = {
        name: interval.low if name in floors.LESS_IS_BETTER else interval.high
        for name, interval in metrics.by_name.items()
    }
    return [
        f"{line.partition(',')[0]} at best,{line.partition(',')[2]}"
        for line in floors.missed({name: value for name, value in best.items() if value is not None}, limits)
    ]


RULES = (
    ResultRule(
        "patients_add_up",
        "The confusion matrix contains each patient of the test set once, in the row of its class.",
        "Report a bug: the metrics do not belong to this test set.",
        faults=miscounted,
    ),
    ResultRule(
        "floors_are_not_excluded",
        "No metric is worse than its quality floor by more than its interval, if it has one. The floors are those"
        f" of {floors.RECIPE} for data that are not the published ones.",
        "Check whether the source, a library or the recipe changed: `wdbc status` shows what did.",
        blocking=False,
        faults=below_the_floors,
    ),
)
