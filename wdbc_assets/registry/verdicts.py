"""The verdict document: the evidence of a decision, as `candidate.Case.document` makes it."""

from dataclasses import dataclass

from wdbc_assets.domain.promotion.gate import Verdict


@dataclass(frozen=True)
class CandidateVersion:
    """The candidate: its recipe, its version of fitted_pipeline, and the versions of its inputs.

    `code` is the digest of the recipe's code. `definition` is that of its code and of the parameters of its search: two
    fits with one definition are one candidate of the gate.
    """

    recipe: str
    version: str
    made_of: dict[str, str]
    code: str
    definition: str


@dataclass(frozen=True)
class Champion:
    """The champion that the candidate was compared with."""

    recipe: str | None
    version: str


@dataclass(frozen=True)
class VerdictDocument:
    """The whole document.

    `patients` is the version of the clean frame that was evaluated. `experiment` counts the outcomes of the candidate's
    patients in an experiment.
    """

    candidate: CandidateVersion
    champion: Champion | None
    protocol: str | None
    patients: str
    experiment: dict[str, int] | None
    verdict: Verdict
