"""What is sent and answered, derived from the contract: thirty measurements with unit, meaning and bounds.

Between fields the contract's rules hold, which JSON Schema cannot say; `domain.rows` judges them.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from wdbc_assets.domain.data import contract

# Far beyond nature and far from overflow: where breaches are flagged, any number up to here is answered.
LARGEST_FLAGGED = 1e9

# A patient who does not exist, with measurements as are usual; a test holds it against the rules.
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


class Strict(BaseModel):
    """No unknown field, no number in quotes, no NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Asked(Strict):
    """A request: one or many patients, each with the thirty measurements."""

    patients: list[Any]


class Prediction(BaseModel):
    """What the model says of one patient."""

    probability: float = Field(ge=0, le=1, description="probability of malignant")
    decision: Literal["benign", "malignant"] = Field(description="malignant from the threshold of the recall target on")
    set: Literal["benign", "malignant", "refer"] = Field(
        description="the one class that is possible by the referral band; refer: both are, or neither"
    )
    outside_training: list[str] = Field(
        description="measurements far from the training part: beyond its middle 95 % by more than that is wide"
    )
    breaches: list[str] = Field(description="rules of the contract that the measurements break, as `column: rule`")


class Model(BaseModel):
    """Which model answered."""

    version: str = Field(description="digest of the champion's files")
    recipe: str


class Predictions(BaseModel):
    """The answer: one prediction for each patient, in the order of the request, all of one model."""

    model: Model
    predictions: list[Prediction]


class Explanation(BaseModel):
    """How the log-odds of one patient come about: the intercept and all contributions add up to them."""

    probability: float = Field(ge=0, le=1, description="probability of malignant")
    log_odds: float
    contributions: dict[str, float] = Field(description="what each measurement adds, the strongest first")
    breaches: list[str] = Field(description="rules of the contract that the measurements break, as `column: rule`")


class Explanations(BaseModel):
    """The answer: one explanation for each patient, in the order of the request, all of one model."""

    model: Model
    intercept: float = Field(description="log-odds of a patient whose measurements add nothing")
    explanations: list[Explanation]


class Policy(BaseModel):
    """By which numbers a probability becomes a decision."""

    threshold: float = Field(description="malignant is called at this probability or above")
    recall_target: float = Field(description="share of the malignant that the threshold was drawn to find")
    quantiles: dict[str, float] = Field(description="for each class the largest 1 - P(class) at which it is possible")


class Challenger(BaseModel):
    """What answers a share of the requests in the champion's place, under test."""

    model: Model
    share: float = Field(description="share of the requests, by a hash of each one's key")


class Champion(BaseModel):
    """What answers now, and whether it could be refreshed."""

    model: Model
    compiled: bool = Field(description="scored by arrays alone; else by scikit-learn")
    loaded_at: str = Field(description="when this worker took it over, UTC")
    policy: Policy
    refresh: str = Field(description="ok, or why a newer champion was not taken over")
    challenger: Challenger | None = Field(description="null unless a challenger answers a share")


class State(BaseModel):
    """Whether the service can answer."""

    status: Literal["alive", "ready"]
    refresh: str | None = Field(default=None, description="ok, or why a newer champion was not taken over")


class ColumnOfContract(BaseModel):
    """One measurement of the contract."""

    name: str
    unit: str
    meaning: str
    constraints: list[str]


class RuleOfContract(BaseModel):
    """One rule of the contract."""

    name: str
    demand: str
    hint: str


class Contract(BaseModel):
    """What measurements must be."""

    measurements: list[ColumnOfContract]
    rules: list[RuleOfContract]
    breaches: Literal["refuse", "flag"] = Field(description="what happens to measurements that break a rule")
    most_patients: int = Field(description="most patients of one request")
    example: dict[str, list[dict[str, float]]] = Field(description="a request that is answered")


def patient_model(*, bounded: bool) -> type[Strict]:
    """Return the model of a patient; `bounded` refuses what is beyond the contract, cell by cell."""
    fields: dict[str, Any] = {}
    columns = {column.name: column for column in contract.CLEAN_COLUMNS}
    for statistic in contract.STATISTICS:
        for measurement in contract.MEASUREMENTS:
            column = columns[measurement.column(statistic)]
            bounds = _bounds(measurement) if bounded else {"ge": -LARGEST_FLAGGED, "le": LARGEST_FLAGGED}
            said = f"{column.meaning}. Unit: {column.unit}. {'; '.join(column.constraints)}"
            fields[column.name] = (Annotated[float, Field(description=said, **bounds)], ...)
    return create_model("Patient", __base__=Strict, __doc__="The thirty measurements of one patient's image.", **fields)


def request_model(patient: Any, *, most: int) -> type[Asked]:
    """Return the model of a request for patients of a model."""
    patients = Field(min_length=1, max_length=most, description="each patient's measurements", examples=[[EXAMPLE]])
    return create_model(
        "Request",
        __base__=Asked,
        __doc__=Asked.__doc__,
        patients=(Annotated[list[patient], patients], ...),
    )


def _bounds(measurement: contract.Measurement) -> dict[str, Any]:
    return {"ge" if measurement.may_be_zero else "gt": 0, "le": measurement.largest}
