"""Metadata of the dataset assets: columns from the contract, counts, and a preview without ids.

The preview shows patients' values, so it is passed as a function that `privacy` may call.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg

from wdbc_assets.domain.data import contract
from wdbc_assets.orchestration.metadata import parts
from wdbc_assets.presentation import privacy

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain.data import splitting

# As much as there is room for beside the key on an asset's page.
_PREVIEW_ROWS, _PREVIEW_COLUMNS = 5, 4

WithPreview = dict[str, parts.Shown | Callable[[], dg.MarkdownMetadataValue]]
"""Metadata in which a preview of patients is made only if they may be shown."""


def raw_columns() -> dg.TableSchema:
    """Return the 32 columns of the raw table."""
    return _schema(contract.COLUMNS)


def clean_columns() -> dg.TableSchema:
    """Return the 31 columns of the clean frame."""
    return _schema(contract.CLEAN_COLUMNS)


def describe_raw_data(content: bytes) -> WithPreview:
    """Describe the raw bytes: first rows of the table that they are."""
    from wdbc_assets.domain.data import reading

    return {privacy.PREVIEW: lambda: _preview(reading.read(content).frame.drop(columns=contract.ID))}


def describe_clean_frame(frame: "pd.DataFrame") -> WithPreview:
    """Describe the clean frame: classes and first rows."""
    malignant = int(frame[contract.DIAGNOSIS].sum())
    return {"malignant": malignant, "benign": len(frame) - malignant, privacy.PREVIEW: lambda: _preview(frame)}


def describe_split(split: "splitting.Split") -> WithPreview:
    """Describe the training and test set: rows and classes of each, and a preview of the training set."""
    both = (("train", split.y_train), ("test", split.y_test))
    return {
        "training rows": len(split.y_train),
        "test rows": len(split.y_test),
        "parts": parts.table(
            ("part", "rows", "malignant", "share"),
            [(part, len(y), int(y.sum()), f"{y.mean():.3f}") for part, y in both],
        ),
        privacy.PREVIEW: lambda: _preview(split.X_train),
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
    return parts.table(
        list(shown.columns),
        [
            [value if isinstance(value, str) else f"{value:g}" for value in row]
            for row in shown.itertuples(index=False, name=None)
        ],
    )
