"""The shape of the document of a judgement, as `production.Case.document` makes it and the evidence keeps it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """What was judged: its recipe, the version of fitted_pipeline, and every version that it was made of."""

    recipe: str
    version: str
    made_of: dict[str, str]


@dataclass(frozen=True)
class Champion:
    """What it was judged against."""

    recipe: str | None
    version: str


@dataclass(frozen=True)
class Criterion:
    """See `domain.criteria.Criterion`."""

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
    """See `domain.promotion.Verdict`."""

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
class Judgement:
    """The whole document; `experiment` counts what became of the patients that the candidate was given under test."""

    candidate: Candidate
    champion: Champion | None
    protocol: str | None
    experiment: dict[str, int] | None
    verdict: Verdict
