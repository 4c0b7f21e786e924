"""What the report states of the items of two reporting guidelines, and where.

TRIPOD+AI: G. S. Collins et al. (2024), BMJ 385:e078378, on the reporting of prediction models. PROBAST+AI:
K. G. M. Moons et al. (2025), BMJ 388:e082505, on their quality and risk of bias; by its four domains, not by its
signalling questions. The topics are named in our words.
"""

from dataclasses import dataclass
from typing import Literal

State = Literal["filled", "partly", "open"]


@dataclass(frozen=True)
class Item:
    """An item: its number, its topic, whether the report states it, and where, or what is missing.

    `section` is the id of a section of the report, or None.
    """

    number: str
    topic: str
    state: State
    section: str | None
    note: str


_UNKNOWN = "the data set does not say"
_SERVED = "the service, outside of this report"

TRIPOD_AI = (
    Item("1", "title", "filled", None, "the head of the page"),
    Item("2", "abstract", "filled", "brief", "the tiles"),
    Item("3a", "health context and rationale", "partly", "card", "intended use; no review of the field"),
    Item("3b", "target population and intended purpose", "filled", "card", "intended and out-of-scope use"),
    Item("3c", "known inequalities in health care", "open", None, "not reviewed"),
    Item("4", "objectives", "filled", "card", "a study of method: development and internal validation"),
    Item("5a", "sources of the data", "filled", "data", "source and digest; the data section of the card"),
    Item("5b", "dates of the data", "partly", "card", "one period; " + _UNKNOWN + " which"),
    Item("6a", "setting", "partly", "card", "one hospital; no more is known"),
    Item("6b", "eligibility", "open", None, _UNKNOWN),
    Item("6c", "treatments received", "open", None, "none before the diagnosis, as far as known"),
    Item("7", "preparation and quality checks of the data", "filled", "checks", "each rule with its outcome"),
    Item("8a", "outcome and its assessment", "partly", "card", "the diagnosis; by histology, " + _UNKNOWN + " how"),
    Item("8b", "assessors of the outcome", "open", None, _UNKNOWN),
    Item("8c", "blinding of the assessors", "open", None, _UNKNOWN),
    Item("9a", "choice of the predictors", "filled", "data", "all thirty measurements, none selected beforehand"),
    Item("9b", "definition of the predictors", "filled", "data", "unit and meaning of each, in the data dictionary"),
    Item("9c", "assessors of the predictors", "open", None, _UNKNOWN),
    Item("10", "sample size", "partly", "usefulness", "calculated, with a learning curve, but not beforehand"),
    Item("11", "missing data", "filled", "checks", "none: a missing value is rejected"),
    Item("12a", "use of the data in the analysis", "filled", "evaluation", "split, and repeated cross-validation"),
    Item("12b", "handling of the predictors", "filled", "model", "the steps of the recipe"),
    Item("12c", "type of model, tuning, internal validation", "filled", "evaluation", "nested; optimism by bootstrap"),
    Item("12d", "heterogeneity between clusters", "open", None, "one hospital: there are no clusters"),
    Item("12e", "measures of performance", "filled", "evaluation", "discrimination, calibration, net benefit"),
    Item("12f", "updating of the model", "partly", "usefulness", "the offset for another prevalence; not applied"),
    Item("12g", "how predictions were made for the evaluation", "filled", "evaluation", "out of fold"),
    Item("13", "class imbalance", "filled", "calibration", "no resampling, so no recalibration is needed"),
    Item("14", "fairness", "open", None, "no attributes of the patients are in the data"),
    Item("15", "output of the model", "filled", "policy", "probability, triage, and the choice of the threshold"),
    Item("16", "differences between development and evaluation", "filled", "data", "none: a random split"),
    Item("17", "ethical approval", "partly", "card", "public data; " + _UNKNOWN),
    Item("18a", "funding", "open", None, "not stated"),
    Item("18b", "conflicts of interest", "open", None, "not stated"),
    Item("18c", "protocol", "open", None, "none was published beforehand"),
    Item("18d", "registration", "open", None, "not registered"),
    Item("18e", "data sharing", "filled", "data", "public; bundled with the project"),
    Item("18f", "code sharing", "filled", "manifests", "public, with the digest of the code of each artifact"),
    Item("19", "involvement of patients and the public", "open", None, "none"),
    Item("20a", "flow of participants", "filled", "brief", "all patients of the source, none excluded"),
    Item("20b", "characteristics", "partly", "exploration", "distributions by diagnosis; no demographics"),
    Item("20c", "comparison of development and evaluation data", "partly", "data", "counts by class"),
    Item("21", "numbers of participants and events", "filled", "data", "patients by class in both sets"),
    Item("22", "specification of the full model", "filled", "model", "parameters here, coefficients in the artifact"),
    Item("23a", "performance with intervals", "filled", "subgroups", "with intervals; by quarter of a measurement"),
    Item("23b", "heterogeneity of the performance", "open", None, "one hospital"),
    Item("24", "results of updating", "open", None, "the model was not updated"),
    Item("25", "interpretation", "partly", "card", "beside each figure; no discussion of other studies"),
    Item("26", "limitations", "filled", "card", "caveats and recommendations"),
    Item("27a", "poor quality or missing input", "filled", None, _SERVED + ": it is rejected, or flagged"),
    Item("27b", "interaction of users with the model", "partly", None, _SERVED),
    Item("27c", "further research", "open", None, "an external validation is needed"),
)

PROBAST_AI = (
    Item("1", "participants and data sources", "open", "card", "unclear: " + _UNKNOWN + " how patients were chosen"),
    Item("2", "predictors", "partly", "data", "defined alike for all; available before the outcome; assessors unknown"),
    Item("3", "outcome", "partly", "card", "objective; " + _UNKNOWN + " whether its assessors knew the measurements"),
    Item("4", "analysis", "partly", "stability", "optimism and instability by refits of the search; no external data"),
)
