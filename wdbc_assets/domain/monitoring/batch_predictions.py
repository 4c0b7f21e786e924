"""The predictions for the patients of a batch, by the champion of that time."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain.data.incoming import PatientTable


@dataclass(frozen=True)
class BatchPredictions:
    """What the champion says about the patients of a batch, and what the model before it would have said.

    Attributes:
        patients: One row per patient, in the order of the batch: `id`, `probability` (of malignant, as reported),
            `triage`, `above_threshold`, `log_odds` (of the model as it was fitted, without a recalibration: what
            monitoring watches), and `previous_probability` (of the model before, as it was fitted; NaN without one).
        model: The champion's version.
        recipe: The champion's recipe.
        policy: How the triage came about, one of `decision_policy.Applied`.
        previous_version: The version of the model before the champion; empty without one.
    """

    patients: "PatientTable"
    model: str
    recipe: str
    policy: str
    previous_version: str

    @property
    def stated(self) -> dict[str, str]:
        """What holds for all patients: model, recipe, policy and previous version."""
        return {name: value for name, value in vars(self).items() if name != "patients"}

    @property
    def table(self) -> "pd.DataFrame":
        """All patients in memory, with model, recipe, policy and previous version as further columns."""
        import numpy as np
        import pandas as pd

        frame = self.patients.frame()
        codes = np.zeros(len(frame), dtype=np.int8)
        return frame.assign(
            **{name: pd.Categorical.from_codes(codes, pd.Index([text])) for name, text in self.stated.items()}
        )
