"""Schemas of requests and responses. The patient schema is derived from the data contract: unit, meaning and bounds.

JSON Schema cannot express the contract's rules between fields; `domain.rules` validates those.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.evaluation import decision_policy

# Far beyond any real measurement and far from overflow. If breaches are flagged, numbers up to this are scored.
LARGEST_FLAGGED = 1e9

# A fictitious patient with typical measurements; a test validates it against the rules.
_EXAMPLE = {
    "radius": (12.0, 0.3, 13.5),
    "texture": (18.0, 1.1, 25.0),
    "perimeter": (78.0, 2.1, 88.0),
    "area": (445.0, 22.0, 560.0),
    "smoothness": (0.095, 0.007, 0.13),
    "compactness": (0.1, 0.02, 0.2),
    "concavity": (0.05, 0.025, 0.2),
    "concave_points": (0.03, 0.01, 0.09),
    "symmetry": (0.18, 0.02, 0.28),
    "fractal_dimension": (0.062, 0.003, 0.08),
}
EXAMPLE: dict[str, float] = {
    measurement.column(statistic): _EXAMPLE[measurement.name][place]
    for place, statistic in enumerate(contract.STATISTICS)
    for measurement in contract.MEASUREMENTS
}

_BREACHES = (
    "Violated rules of the data contract, as `measurement: rule`. Empty unless the service flags violations instead of"
    " rejecting the request."
)
_REFRESH = "`ok`, or the reason why a newer champion was not loaded."


class Strict(BaseModel):
    """A model that rejects unknown fields, numbers in quotes, and NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class RequestBase(Strict):
    """One or more patients, each with all thirty measurements."""

    patients: list[Any]


class Prediction(BaseModel):
    """Prediction for one patient."""

    triage: Literal["benign", "malignant", "refer"] = Field(
        description="Outcome for the patient: the class if the conformal prediction set contains exactly one class,"
        " `refer` if it contains both or neither."
    )
    probability: float = Field(ge=0, le=1, description="Predicted probability of malignancy.")
    above_threshold: bool = Field(
        description="Whether the probability is at or above the decision policy's threshold. This is not the outcome:"
        " a patient above the threshold may have the outcome `refer`."
    )
    outside_training: list[str] = Field(
        description="Measurements outside the reference range of the training set, which is its central 95 % interval"
        " extended on both sides by the width of that interval."
    )
    breaches: list[str] = Field(description=_BREACHES)


class ModelInfo(BaseModel):
    """The model that produced the response."""

    version: str = Field(description="Version of the model: the digest of its files.")
    recipe: str = Field(description="Name of the training recipe.")


class Predictions(BaseModel):
    """One prediction per patient, in the order of the request. All predictions come from the same model."""

    model: ModelInfo
    policy: decision_policy.Applied = Field(
        description="How the triage outcomes came about: by the prediction set of each patient, or because the operator"
        " has every patient referred to a person, whatever the model says. See `/v1/model` for the reason."
    )
    predictions: list[Prediction]


class Explanation(BaseModel):
    """Decomposition of one prediction: the intercept plus all contributions equals the log-odds."""

    probability: float = Field(ge=0, le=1, description="Predicted probability of malignancy.")
    log_odds: float = Field(description="Predicted log-odds of malignancy.")
    contributions: dict[str, float] = Field(
        description="Additive contribution of each measurement to the log-odds, largest absolute value first."
    )
    breaches: list[str] = Field(description=_BREACHES)


class Explanations(BaseModel):
    """One explanation per patient, in the order of the request. All explanations come from the same model."""

    model: ModelInfo
    intercept: float = Field(description="Log-odds if all contributions are zero.")
    explanations: list[Explanation]


class Policy(BaseModel):
    """Decision policy: the parameters that turn a probability into a triage outcome."""

    prevalence: float = Field(
        description="Share of malignant patients that the probabilities are for. Where it differs, they are too high or"
        " too low."
    )
    trained_prevalence: float = Field(
        description="Share of malignant patients in the training set. If `prevalence` differs, the probabilities were"
        " recalibrated to it, and the bounds with them; no triage outcome changed."
    )
    threshold: float = Field(description="`above_threshold` is true at or above this probability.")
    recall_target: float = Field(description="Recall on malignant cases for which the threshold was chosen.")
    quantiles: dict[str, float] = Field(
        description="Conformal quantile per class: the prediction set contains the class if 1 - P(class) is at most"
        " this value."
    )


class ChallengerInfo(BaseModel):
    """A challenger that serves a share of the requests in an A/B test."""

    model: ModelInfo
    share: float = Field(description="Share of requests served by the challenger, assigned by a hash of the key.")


class ReferralInfo(BaseModel):
    """That every patient is referred to a person, whatever the model says."""

    since: str = Field(description="Time at which it was switched on (ISO 8601, UTC).")
    reason: str = Field(description="Why.")


class ChampionInfo(BaseModel):
    """The model in production and the state of its hot reload."""

    model: ModelInfo
    compiled: bool = Field(
        description="True if the model is scored with array operations alone, false if scikit-learn scores it."
    )
    loaded_at: str = Field(description="Time at which this worker loaded the model (ISO 8601, UTC).")
    policy: Policy
    refresh: str = Field(description=_REFRESH)
    challenger: ChallengerInfo | None = Field(
        description="The challenger that serves a share of the requests, or null if there is none."
    )
    refers_everyone: ReferralInfo | None = Field(
        description="Set while every patient has the outcome `refer`, whatever the model says; otherwise null."
    )


class State(BaseModel):
    """Health of the service."""

    status: Literal["alive", "ready"] = Field(
        description="`alive`: the process responds. `ready`: a champion is loaded."
    )
    refresh: str | None = Field(default=None, description=_REFRESH)


class ContractColumn(BaseModel):
    """One measurement of the data contract."""

    name: str
    unit: str
    meaning: str
    constraints: list[str] = Field(description="Constraints on a single value, in words.")


class ContractRule(BaseModel):
    """One validation rule of the data contract."""

    name: str = Field(description="Identifier of the rule, as in `rule` of a validation error.")
    demand: str = Field(description="What valid measurements satisfy.")
    hint: str = Field(description="How to resolve a violation.")


class Contract(BaseModel):
    """The data contract for measurements."""

    measurements: list[ContractColumn]
    rules: list[ContractRule]
    breaches: Literal["refuse", "flag"] = Field(
        description="How the service treats violations: `refuse` responds with 422, `flag` scores the patient and lists"
        " the violated rules."
    )
    most_patients: int = Field(description="Maximum number of patients per request.")
    example: dict[str, list[dict[str, float]]] = Field(description="A valid request body.")


def patient_model(*, bounded: bool) -> type[Strict]:
    """Return the model of a patient. If `bounded`, each field enforces the bounds of the contract."""
    fields: dict[str, Any] = {}
    columns = {column.name: column for column in contract.CLEAN_COLUMNS}
    for statistic in contract.STATISTICS:
        for measurement in contract.MEASUREMENTS:
            column = columns[measurement.column(statistic)]
            bounds = _bounds(measurement) if bounded else {"ge": -LARGEST_FLAGGED, "le": LARGEST_FLAGGED}
            description = f"{column.meaning}. Unit: {column.unit}. {'; '.join(column.constraints)}"
            fields[column.name] = (Annotated[float, Field(description=description, **bounds)], ...)
    return create_model("Patient", __base__=Strict, __doc__="The thirty measurements of one patient.", **fields)


def request_model(patient: Any, *, most: int) -> type[RequestBase]:
    """Return the model of a request with 1 to `most` patients of the given type."""
    patients = Field(
        min_length=1, max_length=most, description="The patients, each with all measurements.", examples=[[EXAMPLE]]
    )
    return create_model(
        "Request",
        __base__=RequestBase,
        __doc__=RequestBase.__doc__,
        patients=(Annotated[list[patient], patients], ...),
    )


def _bounds(measurement: contract.Measurement) -> dict[str, Any]:
    return {"ge" if measurement.may_be_zero else "gt": 0, "le": measurement.largest}
