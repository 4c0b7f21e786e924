"""The evidence that the champion is worse than the model before it, which scores the same patients in its shadow.

Only patients count whom the champion has scored since it came into production, and whose diagnosis became known. Both
probabilities are those of the models as they were fitted, each at the prevalence of its training set: a recalibration
of the champion's policy is not another model. Batches show the champion's version only, so the evidence begins again
with another policy.

`RollbackEvidence` is read without numpy or pandas; the functions import them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wdbc_assets.domain import formatting

if TYPE_CHECKING:
    import pandas as pd

NO_VERSION = ""
"""In place of the version of the model before the champion, if there is none or it could not score the batch."""


@dataclass(frozen=True)
class RollbackEvidence:
    """The e-process against the champion, see `sequential.rollback`.

    Attributes:
        champion: The version that scored the latest batch.
        previous: The version that a rollback would restore; empty if none scored a batch beside the champion.
        patients: How many patients with a known outcome were scored by both.
        evidence: The largest evidence so far; 1 before the first patient.
        threshold: The evidence at which the champion is to be rolled back.
        since: When the first batch of this champion arrived (UTC, ISO 8601).
        in_alarm: Whether the calibration or the recall is in alarm over the patients of this champion alone.
    """

    champion: str
    previous: str
    patients: int
    evidence: float
    threshold: float
    since: str
    in_alarm: bool

    def __str__(self) -> str:
        return f"E = {formatting.evidence(self.evidence)} from {formatting.counted(self.patients, 'patient')}"

    @property
    def is_reached(self) -> bool:
        """Whether the evidence is enough for a rollback."""
        return self.evidence >= self.threshold


def with_columns(predictions: "pd.DataFrame") -> "pd.DataFrame":
    """Return predictions with the columns that those of the service lack: they take no part."""
    missing: dict[str, str | float] = {
        "log_odds": float("nan"),
        "previous_version": NO_VERSION,
        "previous_probability": float("nan"),
    }
    return predictions.assign(**{name: value for name, value in missing.items() if name not in predictions})


def by_current_champion(predictions: "pd.DataFrame") -> "pd.Series[bool]":
    """Return which predictions of batches were made by the current champion since it came into production.

    Args:
        predictions: One row per prediction, in the order of the batches, with the version of the champion in `model`.
            The log-odds of the service's predictions are missing: no other model has scored those patients.
    """
    in_batches = predictions["log_odds"].notna()
    models = predictions.loc[in_batches, "model"]
    current = models.eq(models.iloc[-1])[::-1].cummin() if len(models) else models.eq("")
    return current.reindex(predictions.index, fill_value=False)


def evaluate(own: "pd.DataFrame", known: "pd.DataFrame", *, in_alarm: bool) -> RollbackEvidence:
    """Return the evidence against the champion.

    Args:
        own: The champion's predictions: see `by_current_champion`.
        known: Those of patients with a known outcome, in the order in which the outcomes became known.
        in_alarm: Whether the calibration or the recall is in alarm over `known`.
    """
    import numpy as np

    from wdbc_assets.domain.monitoring import sequential

    beside = own["previous_version"].astype("str")
    previous = next(iter(beside[beside != NO_VERSION][::-1]), NO_VERSION)
    both = known[known["previous_version"].astype("str") == previous] if previous else known[:0]
    evidence = sequential.rollback(
        1 / (1 + np.exp(-both["log_odds"].to_numpy())), both["previous_probability"].to_numpy(), both["diagnosis"]
    )
    return RollbackEvidence(
        champion=str(own["model"].iloc[-1]),
        previous=previous,
        patients=len(both),
        evidence=float(evidence.max(initial=1.0)),
        threshold=sequential.ROLLBACK,
        since=str(own["predicted_at"].iloc[0]),
        in_alarm=in_alarm,
    )
