"""Metadata of the fitted pipeline and of its metrics."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from wdbc_assets.orchestration.metadata import parts

if TYPE_CHECKING:
    from wdbc_assets.domain.modeling import fitting

_CANDIDATES_SHOWN = 10


def describe_fitted_pipeline(fit: "fitting.Fit") -> dict[str, Any]:
    """Describe the search: winner, candidates, fits, and the curve of their scores."""
    from wdbc_assets.presentation import plots

    return {
        "recipe": fit.recipe,
        "winner": dg.MetadataValue.json(fit.winner),
        "cross-validation score": round(float(fit.score), parts.DECIMALS),
        "scored by": fit.scoring,
        "candidates": f"{len(fit.candidates)}, each on {fit.folds} folds",
        "not converged": sum(not candidate.converged for candidate in fit.candidates),
        "fits": ", ".join(f"{count} {name}" for name, count in fit.fit_counts.items()),
        "warnings": "; ".join(fit.warnings) or "none",
        "best candidates": _candidates(fit),
        "scores of all candidates": parts.picture(
            plots.cv_curve(fit), "Cross-validation score of each candidate against C"
        ),
    }


def describe_metrics(metrics: dict[str, Any]) -> dict[str, Any]:
    """Describe the metrics: intervals, the two pictures, and each figure as a number with a trend."""
    from wdbc_assets.presentation import plots

    figures = {name: figure for name, figure in metrics.items() if isinstance(figure, dict) and "low" in figure}
    return {
        "intervals": parts.table(
            ("metric", "value", "low", "high", "by"),
            [
                (name, *(parts.decimal(figure[part]) for part in ("value", "low", "high")), figure["interval"])
                for name, figure in figures.items()
            ],
        ),
        "confusion matrix": parts.picture(
            plots.confusion_matrix(metrics), f"Confusion matrix {metrics['confusion_matrix']}"
        ),
        "ROC curve": parts.picture(plots.roc_curve(metrics), "ROC curve on the test set"),
        "classification report": _report(metrics["classification_report"]),
        **{
            name: round(float(figure["value"]), parts.DECIMALS)
            for name, figure in figures.items()
            if figure["value"] is not None
        },
    }


def _candidates(fit: "fitting.Fit") -> dg.MarkdownMetadataValue:
    best = sorted(fit.candidates, key=lambda candidate: candidate.rank)[:_CANDIDATES_SHOWN]
    return parts.table(
        ("rank", "mean", "sd", *(name.rpartition("__")[2] for name in best[0].params)),
        [(one.rank, parts.decimal(one.mean_score), parts.decimal(one.std_score), *one.params.values()) for one in best],
    )


def _report(report: dict[str, Any]) -> dg.MarkdownMetadataValue:
    names = ("precision", "recall", "f1-score")
    return parts.table(
        ("", *names, "support"),
        [
            (row, *(parts.decimal(scores[name]) for name in names), scores["support"])
            for row, scores in report.items()
            if isinstance(scores, dict)  # accuracy, a number for itself, is among the figures
        ],
    )
