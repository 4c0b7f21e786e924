"""Metadata of the fitted pipeline and of its metrics."""

from typing import TYPE_CHECKING

import dagster as dg

from wdbc_assets.orchestration.metadata import parts

if TYPE_CHECKING:
    from wdbc_assets.domain.evaluation.metrics_result import ClassificationReport, Metrics
    from wdbc_assets.domain.modeling import fitting

_CANDIDATES_SHOWN = 10


def describe_fitted_pipeline(fit: "fitting.Fit") -> parts.Metadata:
    """Describe the search: winner, candidates, fits, and the curve of their scores."""
    from wdbc_assets.presentation import plots

    return {
        "recipe": fit.recipe,
        "winner": dg.MetadataValue.json(fit.winner),
        "cross-validation score": round(float(fit.score), parts.DECIMALS),
        "scored by": fit.scoring,
        "candidates": f"{len(fit.candidates)}, each on {fit.repeats} x {fit.folds} folds",
        "not converged": sum(not candidate.converged for candidate in fit.candidates),
        "fits": ", ".join(f"{count} {name}" for name, count in fit.fit_counts.items()),
        "warnings": "; ".join(fit.warnings) or "none",
        "best candidates": _candidates(fit),
        "scores of all candidates": parts.picture(
            plots.cv_curve(fit), "Cross-validation score of each candidate against C"
        ),
    }


def describe_metrics(metrics: "Metrics") -> parts.Metadata:
    """Describe the metrics: intervals, the two pictures, and each figure as a number with a trend."""
    from wdbc_assets.presentation import plots

    return {
        "intervals": parts.table(
            ("metric", "value", "low", "high", "by"),
            [(name, *parts.interval(figure), figure.by) for name, figure in metrics.by_name.items()],
        ),
        "notes": "; ".join(f"{name}: {note}" for name, note in metrics.notes.items()),
        "confusion matrix": parts.picture(
            plots.confusion_matrix(metrics), f"Confusion matrix {metrics.confusion_matrix}"
        ),
        "ROC curve": parts.picture(plots.roc_curve(metrics), "ROC curve on the test set"),
        "classification report": _report(metrics.classification_report),
        **{
            name: round(figure.value, parts.DECIMALS)
            for name, figure in metrics.by_name.items()
            if figure.value is not None
        },
    }


def _candidates(fit: "fitting.Fit") -> dg.MarkdownMetadataValue:
    best = sorted(fit.candidates, key=lambda candidate: candidate.rank)[:_CANDIDATES_SHOWN]
    return parts.table(
        ("rank", "mean", "sd", *(name.rpartition("__")[2] for name in best[0].params)),
        [
            (
                candidate.rank,
                parts.decimal(candidate.mean_score),
                parts.decimal(candidate.std_score),
                *candidate.params.values(),
            )
            for candidate in best
        ],
    )


def _report(report: "ClassificationReport") -> dg.MarkdownMetadataValue:
    rows = {
        "benign": report.benign,
        "malignant": report.malignant,
        "macro avg": report.macro_average,
        "weighted avg": report.weighted_average,
    }
    return parts.table(
        ("", "precision", "recall", "f1-score", "support"),
        [
            (name, *map(parts.decimal, (scores.precision, scores.recall, scores.f1)), scores.support)
            for name, scores in rows.items()
        ],
    )
