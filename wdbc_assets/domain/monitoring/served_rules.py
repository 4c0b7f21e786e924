"""The rules for what was taken up from the service. This module imports no heavy libraries."""

from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.rules.base import ResultRule
from wdbc_assets.domain.rules.predictions import ARE_PROBABILITIES

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain.monitoring.served import ServedWindows


def damaged_files(served: "ServedWindows") -> list[str]:
    """Return a message that names the files that could not be read when the windows were last taken up."""
    names = ", ".join(served.damaged)
    return [f"damaged files of windows is {len(served.damaged)} ({names}), needed: 0"] if names else []


def measurements(predictions: "pd.DataFrame") -> list[str]:
    """Return a message if a column is one of the measurements."""
    kept = len(set(predictions.columns) & {*contract.FEATURES, contract.DIAGNOSIS})
    return [f"columns of measurements is {kept}, needed: 0"] if kept else []


WINDOWS = (
    ResultRule(
        "files_of_windows_are_readable",
        "Each file that a worker of the service left could be read when the windows were last taken up.",
        "Look into the folder `served/damaged` in Dagster's home. The patients of these files are not counted.",
        blocking=False,
        faults=damaged_files,
    ),
)

PREDICTIONS = (
    ARE_PROBABILITIES,
    ResultRule(
        "no_measurement_is_kept",
        "The predictions that the service kept have no measurement beside them.",
        "Report a bug: the service keeps what it has answered, never what it was asked.",
        faults=measurements,
    ),
)
