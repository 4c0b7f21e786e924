"""The evaluation by which the gate compares a candidate with the champion: on the reference, or on more patients.

An evaluation of the labelled patients has all patients of the reference and later ones. It decides if it is up to date,
was made with the candidate's reference, and has the recipes of both. Otherwise that of the reference decides, and
`unused` says why. So the choice follows from what was evaluated, never from which result is better.
"""

from dataclasses import dataclass

from wdbc_assets.domain import formatting
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Store

LABELLED = "labelled_cross_validation"


@dataclass(frozen=True)
class Evidence:
    """The manifest of an evaluation, the version of its reference, and why one of the labelled patients is not used."""

    manifest: Manifest
    clean_frame: str
    unused: str = ""

    @property
    def is_labelled(self) -> bool:
        """Whether it is an evaluation of the labelled patients."""
        return self.manifest.asset == LABELLED

    @property
    def patients(self) -> str:
        """The version of the table whose patients were evaluated."""
        return patients(self.manifest)


def patients(evaluation: Manifest) -> str:
    """Return the version of the table whose patients an evaluation is of."""
    return evaluation.inputs["labelled_patients" if evaluation.asset == LABELLED else "clean_frame"]


def choose(store: Store, reference: Manifest, *, candidate: str, champion: str | None) -> Evidence:
    """Return the evaluation that decides.

    Args:
        store: The store.
        reference: The manifest of the evaluation of the reference.
        candidate: The candidate's recipe.
        champion: The champion's recipe, None without a champion.

    Raises:
        DamagedStore: a pointer is damaged.
    """
    own = reference.inputs["clean_frame"]
    labelled = store.current(LABELLED) if champion is not None else None
    if labelled is None:
        return Evidence(reference, own)
    table = store.current("labelled_patients")
    names = str(labelled.parameters.get("evaluated_recipes", "")).split(",")
    missing = [name for name in dict.fromkeys((candidate, str(champion))) if name not in names]
    if table is None or table.version != labelled.inputs["labelled_patients"]:
        why = "the labelled patients have changed since"
    elif table.inputs.get("clean_frame") != own:
        why = f"its reference is not the evaluated clean frame {formatting.short(own)}"
    elif missing:
        why = f"it has no results for {', '.join(missing)}"
    else:
        return Evidence(labelled, own)
    return Evidence(reference, own, unused=why)
