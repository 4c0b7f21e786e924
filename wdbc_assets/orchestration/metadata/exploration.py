"""Metadata of the exploration: findings, the most discriminative measurements, and plots."""

from typing import TYPE_CHECKING

import dagster as dg

from wdbc_assets.domain.data import contract, insights
from wdbc_assets.orchestration.metadata import parts

if TYPE_CHECKING:
    from wdbc_assets.domain.data.distributions import Distribution
    from wdbc_assets.domain.data.exploration import Exploration

_MEASUREMENTS_SHOWN = 10
_NAMES = {"mean": "means", "se": "standard errors", "worst": "worst values"}


def describe_exploration(exploration: "Exploration") -> parts.Metadata:
    """Describe the exploration: findings as a list, the best measurements as a table, pictures, and three trends."""
    from wdbc_assets.presentation import plots

    measurements = exploration.measurements
    return {
        "findings": dg.MetadataValue.md("\n".join(f"- {finding}" for finding in exploration.findings)),
        "best alone": parts.table(
            ("measurement", "median benign", "malignant", "AUC", "skew", "outliers"),
            [_row(name, measurements[name]) for name in insights.best_first(measurements)[:_MEASUREMENTS_SHOWN]],
        ),
        "correlations": parts.picture(
            plots.correlations(exploration),
            f"Correlation of each two measurements; {len(exploration.correlation.clusters)} clusters",
        ),
        "separation": parts.picture(plots.separation(exploration), "ROC-AUC of each measurement alone"),
        **{
            f"distributions of {_NAMES[statistic]}": parts.picture(
                plots.distributions(exploration, statistic), f"Histograms of the {_NAMES[statistic]} by class"
            )
            for statistic in contract.STATISTICS
        },
        "duplicates": exploration.duplicates,
        "outliers": sum(distribution.outliers for distribution in measurements.values()),
        "AUC of the row order": round(float(exploration.row_order_auc), parts.DECIMALS),
    }


def _row(name: str, figures: "Distribution") -> tuple[str, ...]:
    medians = (f"{quantiles.median:.4g}" for quantiles in (figures.benign, figures.malignant))
    return name, *medians, parts.decimal(figures.auc), parts.decimal(figures.skew), str(figures.outliers)
