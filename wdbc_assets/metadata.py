"""What Dagster's UI shows of a value: columns from the contract, counts, a preview without ids, and pictures.

Numbers become trend plots there, so only those that matter are numbers; the rest is text.
"""

import json
from typing import TYPE_CHECKING, Any, Protocol

import dagster as dg

from wdbc_assets.domain import contract
from wdbc_assets.storage.passport import Passport

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain import modeling, splitting

_PREVIEW_ROWS = 5
_CANDIDATES_SHOWN = 20


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
        "version": passport.version,
        "stored bytes": f"{passport.size:,}",
        "seconds": passport.seconds,
    }
    if passport.rows is not None:
        described["dagster/row_count"] = passport.rows
    if passport.parameters:
        described["parameters"] = dg.MetadataValue.json(passport.parameters)
    if passport.origin:
        described["origin"] = dg.MetadataValue.json(passport.origin)
    return described


def of_raw_data(content: bytes) -> dict[str, Any]:
    """Describe the raw bytes: their digest, and no row, for rows carry ids."""
    import hashlib

    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": f"{len(content):,}"}


def of_clean_frame(frame: "pd.DataFrame") -> dict[str, Any]:
    """Describe the clean frame: classes and first rows."""
    malignant = int(frame[contract.DIAGNOSIS].sum())
    return {
        "malignant": malignant,
        "benign": len(frame) - malignant,
        "preview": dg.MetadataValue.md(_markdown_table(frame.head(_PREVIEW_ROWS).iloc[:, :8])),
    }


def of_split(split: "splitting.Split") -> dict[str, Any]:
    """Describe the two parts: rows and classes of each."""
    lines = ["| part | rows | malignant | share |", "|---|---|---|---|"]
    for part, y in (("train", split.y_train), ("test", split.y_test)):
        lines.append(f"| {part} | {len(y)} | {int(y.sum())} | {y.mean():.3f} |")
    return {
        "training rows": len(split.y_train),
        "test rows": len(split.y_test),
        "parts": dg.MetadataValue.md("\n".join(lines)),
        "preview": dg.MetadataValue.md(_markdown_table(split.X_train.head(_PREVIEW_ROWS).iloc[:, :8])),
    }


def of_fitted_pipeline(fit: "modeling.Fit") -> dict[str, Any]:
    """Describe the search: winner, candidates, fits, and the curve of their scores."""
    from wdbc_assets import plots

    return {
        "recipe": fit.recipe,
        "winner": dg.MetadataValue.json(fit.winner),
        "cross-validation score": float(fit.score),
        "scored by": fit.scoring,
        "candidates": len(fit.candidates),
        "not converged": sum(not candidate.converged for candidate in fit.candidates),
        "fits": dg.MetadataValue.json(fit.fit_counts),
        "best candidates": dg.MetadataValue.md(_candidates(fit)),
        "scores of all candidates": dg.MetadataValue.md(
            plots.as_markdown(plots.cv_curve(fit), "Cross-validation score of each candidate against C")
        ),
    }


def of_metrics(metrics: dict[str, Any]) -> dict[str, Any]:
    """Describe the metrics: each figure as a number with a trend, and the two pictures."""
    from wdbc_assets import plots

    figures = {
        name: float(figure["value"])
        for name, figure in metrics.items()
        if isinstance(figure, dict) and "low" in figure and figure["value"] is not None
    }
    return {
        **figures,
        "intervals": dg.MetadataValue.md(_intervals(metrics)),
        "classification report": dg.MetadataValue.json(metrics["classification_report"]),
        "confusion matrix": dg.MetadataValue.md(
            plots.as_markdown(plots.confusion_matrix(metrics), f"Confusion matrix {metrics['confusion_matrix']}")
        ),
        "ROC curve": dg.MetadataValue.md(plots.as_markdown(plots.roc_curve(metrics), "ROC curve on the test part")),
    }


def _schema(columns: tuple[contract.Column, ...]) -> dg.TableSchema:
    return dg.TableSchema(
        [
            dg.TableColumn(
                column.name,
                column.dtype,
                description=f"{column.meaning} [{column.unit}]" if column.unit else column.meaning,
                constraints=dg.TableColumnConstraints(nullable=False, other=list(column.constraints)),
            )
            for column in columns
        ]
    )


def _markdown_table(frame: "pd.DataFrame") -> str:
    lines = ["| " + " | ".join(frame.columns) + " |", "|" + "---|" * len(frame.columns)]
    lines += ["| " + " | ".join(f"{value:g}" for value in row) + " |" for row in frame.itertuples(index=False)]
    return "\n".join(lines)


def _candidates(fit: "modeling.Fit") -> str:
    lines = ["| rank | candidate | mean | sd |", "|---|---|---|---|"]
    best = sorted(fit.candidates, key=lambda candidate: candidate.rank)[:_CANDIDATES_SHOWN]
    lines += [
        f"| {one.rank} | {json.dumps(one.params)[1:-1]} | {one.mean_score:.4f} | {one.std_score:.4f} |" for one in best
    ]
    return "\n".join(lines)


def _intervals(metrics: dict[str, Any]) -> str:
    lines = ["| metric | value | low | high | by |", "|---|---|---|---|---|"]
    for name, figure in metrics.items():
        if isinstance(figure, dict) and "low" in figure:
            cells = ["n/a" if figure[part] is None else f"{figure[part]:.4f}" for part in ("value", "low", "high")]
            lines.append(f"| {name} | {' | '.join(cells)} | {figure['interval']} |")
    return "\n".join(lines)
