"""Metadata of the dataset assets: columns from the contract, counts, and a preview without ids.

The preview shows patients' values, so it is passed as a function that `privacy` may call.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg

from wdbc_assets.domain.data import contract
from wdbc_assets.orchestration.metadata import parts
from wdbc_assets.presentation import privacy
from wdbc_assets.store.table_files import LargeSplit, TableFile

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain.data import splitting
    from wdbc_assets.domain.data.lines import LinesFile

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


def describe_raw_data(content: "bytes | LinesFile") -> WithPreview:
    """Describe the raw bytes: first rows of the table that they are."""
    return {privacy.PREVIEW: lambda: _preview(_first_raw_rows(content).drop(columns=contract.ID))}


def _first_raw_rows(content: "bytes | LinesFile") -> "pd.DataFrame":
    from wdbc_assets.domain.data import reading

    if isinstance(content, bytes):
        return reading.read(content).frame
    first, lines = next(content.parts())
    return reading.read_lines(lines, first=first).frame


def describe_clean_frame(frame: "pd.DataFrame | TableFile") -> WithPreview:
    """Describe the clean frame: classes and first rows."""
    rows, malignant = _counts(frame)
    return {"malignant": malignant, "benign": rows - malignant, privacy.PREVIEW: lambda: _preview(_first_rows(frame))}


def describe_split(split: "splitting.Split | LargeSplit") -> WithPreview:
    """Describe the training and test set: rows and classes of each, and a preview of the training set."""
    both: tuple[pd.DataFrame | TableFile, pd.DataFrame | TableFile]
    training: pd.DataFrame | TableFile
    if isinstance(split, LargeSplit):
        both, training = (split.train, split.test), split.train
    else:
        both, training = (split.y_train.to_frame(), split.y_test.to_frame()), split.X_train
    (training_rows, training_malignant), (test_rows, test_malignant) = map(_counts, both)
    return {
        "training rows": training_rows,
        "test rows": test_rows,
        "parts": parts.table(
            ("part", "rows", "malignant", "share"),
            [
                ("train", training_rows, training_malignant, f"{training_malignant / training_rows:.3f}"),
                ("test", test_rows, test_malignant, f"{test_malignant / test_rows:.3f}"),
            ],
        ),
        privacy.PREVIEW: lambda: _preview(_first_rows(training)[list(contract.FEATURES)]),
    }


def _first_rows(table: "pd.DataFrame | TableFile") -> "pd.DataFrame":
    return table.part(0) if isinstance(table, TableFile) else table


def _counts(table: "pd.DataFrame | TableFile") -> tuple[int, int]:
    """Return the number of rows, and of malignant ones."""
    if not isinstance(table, TableFile):
        return len(table), int(table[contract.DIAGNOSIS].sum())
    return table.rows, sum(int(part[contract.DIAGNOSIS].sum()) for part in table.parts([contract.DIAGNOSIS]))


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
