"""The schema of a verdict document, as `candidate.Case.document` makes it and the evidence stores it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """The candidate: its recipe, its version of fitted_pipeline, and the versions of its inputs."""

    recipe: str
    version: str
    made_of: dict[str, str]


@dataclass(frozen=True)
class Champion:
    """The champion that the candidate was compared with."""

    recipe: str | None
    version: str


@dataclass(frozen=True)
class Criterion:
    """See `domain.promotion.criteria.Criterion`."""

    name: str
    demand: str
    holds: bool
    value: float | None
    low: float | None
    high: float | None
    bound: float | None
    found: str


@dataclass(frozen=True)
class Verdict:
    """See `domain.promotion.gate.Verdict`."""

    name: str
    promoted: bool
    reason: str
    candidate: str
    champion: str | None
    repeats: int
    folds: int
    patients: int
    criteria: list[Criterion]


@dataclass(frozen=True)
class VerdictDocument:
    """The whole document; `experiment` counts the outcomes of the candidate's patients in an experiment."""

    candidate: Candidate
    champion: Champion | None
    protocol: str | None
    experiment: dict[str, int] | None
    verdict: Verdict
