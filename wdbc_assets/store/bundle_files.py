"""The JSON files of a bundle as types: each field with its kind and bounds, none missing, none unknown.

A file may be anybody's, with a digest that fits: what is not exactly such a file is refused here, in words that name
the field and no value.
"""

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import parsing
from wdbc_assets.store.paths import BUNDLE, POLICY, REFERENCE, SCORER

HINT = "Nothing of it was run. Promote a model of this release (`wdbc promote`), and find out who wrote this file."
LARGEST = 4 * 2**20  # bytes; a reference has 30,000
_MEASUREMENTS = len(contract.FEATURES)

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, lt=2**53)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}\z")]
Row = Annotated[list[float], Field(min_length=_MEASUREMENTS, max_length=_MEASUREMENTS)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class BundleFile(_Part):
    """What a bundle is, and what it was made of."""

    recipe: Name
    compiled: bool
    features: Annotated[list[Name], Field(max_length=1000)]
    contract: Digest
    versions: Annotated[dict[Name, Digest], Field(max_length=20)]


class ScorerFile(_Part):
    """The compiled scorer, see `domain.scorer`."""

    powers: Row | None
    centre: Row
    weights: Row
    intercept: float


class Proportion(_Part):
    """A share with its interval, None where there is nothing to take a share of."""

    value: Share | None
    low: Share | None
    high: Share | None
    interval: Literal["wilson"]
    reason: Annotated[str, Field(max_length=200)] | None = None


class ByClass(_Part):
    """A number for each class."""

    benign: Share
    malignant: Share


class Training(_Part):
    """How many patients a policy was made of."""

    rows: Count
    benign: Count
    malignant: Count


class Histogram(_Part):
    """Out-of-fold probabilities, counted by class."""

    edges: Annotated[list[Share], Field(max_length=1000)]
    benign: Annotated[list[Count], Field(max_length=1000)]
    malignant: Annotated[list[Count], Field(max_length=1000)]


class Figures(_Part):
    """What a policy does to patients."""

    recall: Proportion
    specificity: Proportion
    referred: Proportion


class OutOfFold(Figures):
    """On the training part, by models that had not seen the row."""

    histogram: Histogram


class Coverage(_Part):
    """The share of each class whose set holds the true one."""

    benign: Proportion
    malignant: Proportion


class Test(Figures):
    """On the test part."""

    coverage: Coverage


class PolicyFile(_Part):
    """The decision policy, see `domain.policy`."""

    recipe: Name
    winner: Annotated[dict[Name, bool | int | float | Annotated[str, Field(max_length=100)]], Field(max_length=100)]
    recall_target: Share
    alpha: Share
    folds: Annotated[int, Field(ge=2, lt=2**53)]
    seed: Count
    training: Training
    threshold: Share
    rank: Count
    quantiles: ByClass
    out_of_fold: OutOfFold
    test: Test


class ReferenceFile(_Part):
    """What the training part looked like, and what the pipeline answered to the smoke test."""

    rows: Annotated[int, Field(ge=1, lt=2**53)]
    levels: Annotated[list[Share], Field(min_length=2, max_length=1000)]
    quantiles: dict[Name, Annotated[list[float], Field(max_length=1000)]]
    answers: Annotated[list[Share], Field(max_length=2000)]

    @model_validator(mode="after")
    def _belongs_together(self) -> "ReferenceFile":
        columns = [self.levels, *self.quantiles.values()]
        if tuple(self.quantiles) != contract.FEATURES or {len(column) for column in columns} != {len(self.levels)}:
            raise ValueError("quantiles are not those of the measurements")
        if any(after < before for column in columns for before, after in pairwise(column)):
            raise ValueError("quantiles do not ascend")
        if len(self.answers) != len(self.levels) + 2 * _MEASUREMENTS:
            raise ValueError("answers are not those of the smoke test")
        return self


_KINDS: dict[str, type[_Part]] = {
    BUNDLE: BundleFile,
    SCORER: ScorerFile,
    POLICY: PolicyFile,
    REFERENCE: ReferenceFile,
}


def read(name: str, content: bytes | None) -> dict[str, Any]:
    """Return what a file of a bundle states, as it stands there.

    Raises:
        WdbcError: it is missing, no JSON, or not exactly what this file states.
    """
    try:
        plain = _plain(content)
        _KINDS[name].model_validate(plain)
    except parsing.Malformed as error:
        what = f"the bundle's {name} is missing, or is no JSON object: {error}"
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))[:80]
        what = f"{name} does not state what a bundle states: {f'{field!a}: ' if field else ''}{first['msg'][:200]}"
    else:
        return plain
    raise WdbcError(what, where=name, hint=HINT)


def _plain(content: bytes | None) -> dict[str, Any]:
    if content is None:
        raise parsing.Malformed("it is missing")
    if len(content) > LARGEST:
        raise parsing.Malformed("it is too large")
    plain = parsing.decode(content)
    if not isinstance(plain, dict):
        raise parsing.Malformed("it is no object")
    return plain
