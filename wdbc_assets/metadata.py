"""What Dagster's UI shows of a value: columns from the contract, counts, a preview without ids, and pictures.

Numbers become trend plots there, so only those that matter are numbers; the rest is text. Markdown is shown in place up
to 1,000 characters, and behind a click beyond: tables are kept below that, pictures cannot be.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

import dagster as dg

from wdbc_assets import freshness
from wdbc_assets.domain import contract, floors
from wdbc_assets.storage.passport import Passport

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain import cross_validation, modeling, splitting

# As much as there is room for beside the key on an asset's page.
_PREVIEW_ROWS, _PREVIEW_COLUMNS = 5, 4
_CANDIDATES_SHOWN = 10
_DECIMALS = 4


class Report(Protocol):
    """How an asset tells its progress: a message and, if they can be counted, how many of how many are done."""

    def __call__(self, message: str, done: int | None = None, total: int | None = None) -> None:
        """Tell it."""


def raw_columns() -> dg.TableSchema:
    """Return the 32 columns of the raw table."""
    return _schema(contract.COLUMNS)


def clean_columns() -> dg.TableSchema:
    """Return the 31 columns of the clean frame."""
    return _schema(contract.CLEAN_COLUMNS)


def of_passport(passport: Passport, folder: str) -> dict[str, Any]:
    """Describe a stored version: where it lies, what it is made of."""
    described: dict[str, Any] = {
        "dagster/uri": folder,
        "version": freshness.short(passport.version),
        "stored bytes": f"{passport.size:,}",
        "seconds": passport.seconds,
    }
    if passport.rows is not None:
        described["dagster/row_count"] = passport.rows
    if passport.parameters:
        described["parameters"] = dg.MetadataValue.json(passport.parameters)
    if passport.origin:
        known = {name: value for name, value in passport.origin.items() if value is not None}
        described["origin"] = dg.MetadataValue.json(known)
    return described


def of_raw_data(content: bytes) -> dict[str, Any]:
    """Describe the raw bytes: first rows of the table that they are."""
    from wdbc_assets.domain import reading

    return {"preview": _preview(reading.read(content).frame.drop(columns=contract.ID))}


def of_clean_frame(frame: "pd.DataFrame") -> dict[str, Any]:
    """Describe the clean frame: classes and first rows."""
    malignant = int(frame[contract.DIAGNOSIS].sum())
    return {"malignant": malignant, "benign": len(frame) - malignant, "preview": _preview(frame)}


def of_split(split: "splitting.Split") -> dict[str, Any]:
    """Describe the two parts: rows and classes of each, and the first rows of one."""
    parts = (("train", split.y_train), ("test", split.y_test))
    return {
        "training rows": len(split.y_train),
        "test rows": len(split.y_test),
        "parts": _table(
            ("part", "rows", "malignant", "share"),
            [(part, len(y), int(y.sum()), f"{y.mean():.3f}") for part, y in parts],
        ),
        "preview": _preview(split.X_train),
    }


def of_fitted_pipeline(fit: "modeling.Fit") -> dict[str, Any]:
    """Describe the search: winner, candidates, fits, and the curve of their scores."""
    from wdbc_assets import plots

    return {
        "recipe": fit.recipe,
        "winner": dg.MetadataValue.json(fit.winner),
        "cross-validation score": round(float(fit.score), _DECIMALS),
        "scored by": fit.scoring,
        "candidates": f"{len(fit.candidates)}, each on {fit.folds} folds",
        "not converged": sum(not candidate.converged for candidate in fit.candidates),
        "fits": ", ".join(f"{count} {name}" for name, count in fit.fit_counts.items()),
        "warnings": "; ".join(fit.warnings) or "none",
        "best candidates": _candidates(fit),
        "scores of all candidates": dg.MetadataValue.md(
            plots.as_markdown(plots.cv_curve(fit), "Cross-validation score of each candidate against C")
        ),
    }


def of_metrics(metrics: dict[str, Any]) -> dict[str, Any]:
    """Describe the metrics: intervals, the two pictures, and each figure as a number with a trend."""
    from wdbc_assets import plots

    figures = {name: figure for name, figure in metrics.items() if isinstance(figure, dict) and "low" in figure}
    return {
        "intervals": _table(
            ("metric", "value", "low", "high", "by"),
            [
                (name, *(_decimal(figure[part]) for part in ("value", "low", "high")), figure["interval"])
                for name, figure in figures.items()
            ],
        ),
        "confusion matrix": dg.MetadataValue.md(
            plots.as_markdown(plots.confusion_matrix(metrics), f"Confusion matrix {metrics['confusion_matrix']}")
        ),
        "ROC curve": dg.MetadataValue.md(plots.as_markdown(plots.roc_curve(metrics), "ROC curve on the test part")),
        "classification report": _report(metrics["classification_report"]),
        **{
            name: round(float(figure["value"]), _DECIMALS)
            for name, figure in figures.items()
            if figure["value"] is not None
        },
    }


def of_cross_validation(value: "cross_validation.CrossValidation") -> dict[str, Any]:
    """Describe the evaluation: each recipe's figures, the paired differences, and figures with a floor as trends."""
    from wdbc_assets import plots

    summary = value.summary
    shown = ("log_loss", "accuracy", "recall", "roc_auc")
    return {
        "protocol": f"{summary['repeats']} times {summary['folds']} folds of {summary['patients']} patients",
        "recipes": _table(
            ("recipe", *shown),
            [
                (name, *(f"{_decimal(figures[of]['mean'])} ± {_decimal(figures[of]['sd'])}" for of in shown))
                for name, figures in summary["recipes"].items()
            ],
        ),
        "differences of log-loss": _table(
            ("recipe", "minus", "mean", "low", "high"),
            [
                (one["recipe"], one["minus"], *(_decimal(one["log_loss"][part]) for part in ("mean", "low", "high")))
                for one in summary["differences"]
            ],
        ),
        "recipes compared": dg.MetadataValue.md(
            plots.as_markdown(plots.recipes_compared(summary), "Log-loss and accuracy of each recipe with intervals")
        ),
        **{
            f"{floors.RECIPE} {name}": round(float(summary["recipes"][floors.RECIPE][name]["mean"]), _DECIMALS)
            for name in floors.BOUNDS
        },
    }


def _schema(columns: tuple[contract.Column, ...]) -> dg.TableSchema:
    return dg.TableSchema(
        [
            dg.TableColumn(
                column.name,
                column.dtype,
                description=column.meaning if column.unit in ("", "1") else f"{column.meaning} [{column.unit}]",
                constraints=dg.TableColumnConstraints(
                    nullable=False,
                    # Without the reason of a bound, for a label has room for 25 letters. The data dictionary gives it.
                    other=[constraint.partition(" (")[0] for constraint in column.constraints],
                ),
            )
            for column in columns
        ]
    )


def _preview(frame: "pd.DataFrame") -> dg.MarkdownMetadataValue:
    shown = frame.iloc[:_PREVIEW_ROWS, :_PREVIEW_COLUMNS]
    return _table(
        list(shown.columns),
        [
            [value if isinstance(value, str) else f"{value:g}" for value in row]
            for row in shown.itertuples(index=False, name=None)
        ],
    )


def _candidates(fit: "modeling.Fit") -> dg.MarkdownMetadataValue:
    best = sorted(fit.candidates, key=lambda candidate: candidate.rank)[:_CANDIDATES_SHOWN]
    return _table(
        ("rank", "mean", "sd", *(name.rpartition("__")[2] for name in best[0].params)),
        [(one.rank, _decimal(one.mean_score), _decimal(one.std_score), *one.params.values()) for one in best],
    )


def _report(report: dict[str, Any]) -> dg.MarkdownMetadataValue:
    names = ("precision", "recall", "f1-score")
    return _table(
        ("", *names, "support"),
        [
            (row, *(_decimal(scores[name]) for name in names), scores["support"])
            for row, scores in report.items()
            if isinstance(scores, dict)  # accuracy, a number for itself, is among the figures
        ],
    )


def _decimal(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.{_DECIMALS}f}"


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> dg.MarkdownMetadataValue:
    names = list(head)
    lines = [names, ["---"] * len(names), *([str(cell) for cell in row] for row in rows)]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(cells)} |" for cells in lines))
