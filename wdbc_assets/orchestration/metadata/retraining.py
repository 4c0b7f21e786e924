"""Metadata of the retraining's assets."""

from typing import TYPE_CHECKING

from wdbc_assets.orchestration.metadata import parts
from wdbc_assets.orchestration.metadata.champion import describe_verdict

if TYPE_CHECKING:
    from wdbc_assets.domain.data.labelled import LabelledPatients
    from wdbc_assets.domain.promotion.bundles import Bundle
    from wdbc_assets.domain.promotion.refit_comparison import RefitComparison


def describe_labelled_patients(patients: "LabelledPatients") -> parts.Metadata:
    """Describe the labelled patients: how many there are of the batches, and who was left out."""
    arrived = patients.arrived
    return {
        "patients": len(patients.table),
        "of the batches": len(arrived),
        "malignant of the batches": int(arrived["diagnosis"].sum()),
        "without an outcome": patients.without_outcome,
        "contradictory": patients.contradictory,
        "arrived again": patients.repeated,
        "duplicates": patients.duplicates,
        "diagnosed, but in no batch": patients.without_batch,
    }


def describe_refit(bundle: "Bundle") -> parts.Metadata:
    """Describe a refit: its recipe, the number of patients that it was fitted on, and the last batch of them."""
    return {"recipe": bundle.recipe, "fitted on": bundle.reference.rows, "last batch": bundle.trained_until}


def describe_refit_comparison(comparison: "RefitComparison") -> parts.Metadata:
    """Describe a comparison: the criteria, and the patients that both models were compared on."""
    described: parts.Metadata = {
        "patients compared on": comparison.held_back,
        "malignant compared on": comparison.malignant,
        "refit fitted on": comparison.trained,
        **describe_verdict(comparison.verdict),
    }
    for criterion in comparison.verdict.criteria:
        if criterion.value is not None:
            described[f"difference: {criterion.name}"] = criterion.value
    return described
