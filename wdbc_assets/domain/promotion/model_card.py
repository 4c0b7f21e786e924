"""The model card: what the model is, its intended use and limits, and every number with the artifact it comes from.

The sections follow M. Mitchell et al. (2019), "Model Cards for Model Reporting", FAT*, 220-229. Sentences contain no
numbers. All numbers are in tables whose rows cite an artifact and a place in it, so they cannot drift from the computed
values. `card_parts` defines the types, `model_card_pages` renders them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.domain.promotion import card_evidence
from wdbc_assets.domain.promotion.card_parts import (
    CODE,
    DATE,
    Cited,
    Fact,
    ModelCard,
    Section,
    paragraphs,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

DISCLAIMER = """\
This is a methodological study on a public data set. The model is not a medical device, has not been validated
clinically, and must not be used to make decisions about the diagnosis or treatment of any person."""


def card(artifacts: Mapping[str, Any], versions: Mapping[str, str], *, owner: str = "") -> ModelCard:
    """Return the model card of the fitted pipeline.

    Args:
        artifacts: the content of the JSON files of `exploration`, `fitted_pipeline` (its search), `metrics`,
            `cross_validation` and `stability` (their summaries), `decision_policy` and `importance`, by asset.
        versions: the digest of the version of each of these artifacts.
        owner: the person or team that is responsible for the model, if stated.

    Raises:
        WdbcError: the recipe of the fitted pipeline was not evaluated.
    """
    recipe = str(artifacts["fitted_pipeline"]["recipe"])
    if recipe not in artifacts["cross_validation"]["recipes"]:
        raise WdbcError(
            f"the recipe of the fitted pipeline, {recipe}, was not evaluated: there is no evidence to cite",
            where="cross_validation",
            hint=f"Run `wdbc evaluate --recipe {recipe}`.",
        )
    cited = Cited(artifacts)
    sections = (
        _details(cited, recipe),
        Section("Intended use", paragraphs(_INTENDED)),
        Section("Out-of-scope use", paragraphs(f"{DISCLAIMER}\n\n{_NOT_FOR}")),
        _factors(cited),
        _data(cited),
        card_evidence.evaluation(cited, recipe),
        card_evidence.calibration(cited, recipe),
        *card_evidence.subgroups(cited, recipe),
        card_evidence.usefulness(cited, recipe),
        card_evidence.test_set(cited),
        card_evidence.policy(cited),
        card_evidence.importance(cited),
        card_evidence.stability(cited),
        Section("Ethical considerations", paragraphs(_ETHICS)),
        _caveats(),
    )
    return ModelCard(
        recipe,
        _head(versions["fitted_pipeline"], owner),
        sections,
        {name: versions[name] for name in sorted(artifacts)},
    )


def _head(version: str, owner: str) -> tuple[Fact, ...]:
    """Return what identifies the model.

    The date and the code are not part of it: the same model can be made twice, and a card depends on its inputs alone.
    The manifest of the version has both; pages with access to it show them instead (see `model_card_pages`).
    """
    return (
        Fact("Version", f"`{version}` (of fitted_pipeline)"),
        Fact(DATE, "that of the manifest of this version: see `wdbc status`, or the report"),
        Fact(CODE, "that of the manifest of this version: see the report"),
        Fact("Owner", owner or "not stated; state it with `WDBC_OWNER`"),
        Fact("Licence of the code", "MIT"),
        Fact("Licence of the data", "CC BY 4.0"),
        *(Fact("Reference", reference) for reference in REFERENCES),
    )


REFERENCES = (
    (
        "W. Wolberg, O. Mangasarian, N. Street, W. Street (1993), Breast Cancer Wisconsin (Diagnostic), UCI Machine"
        " Learning Repository, doi:10.24432/C5DW2B (the data)"
    ),
    (
        "W. N. Street, W. H. Wolberg, O. L. Mangasarian (1993), Nuclear feature extraction for breast tumor diagnosis,"
        " Proc. SPIE 1905:861-870, doi:10.1117/12.148698 (the measurements)"
    ),
    (
        "O. L. Mangasarian, W. N. Street, W. H. Wolberg (1995), Breast cancer diagnosis and prognosis via linear"
        " programming, Oper. Res. 43:570-577 (the first model)"
    ),
)
"""What to cite with the model."""


_INTENDED = """\
The model demonstrates how a diagnostic model can be developed, evaluated, promoted and monitored so that every reported
number is reproducible. It is intended for study, replication and critique.

The intended users are engineers and data scientists. The inputs are measurements of cell nuclei in digitized images of
fine-needle aspirates of breast masses, as published with the data set."""

_NOT_FOR = """\
The model has not been evaluated on measurements from other instruments, other methods of outlining nuclei, other
hospitals or other periods. Its performance there is unknown.

The model is not suitable for screening. All patients in the study had a palpable breast mass, and malignancy is far
more common among them than in a screening population.

The model distinguishes only benign from malignant masses. It does not identify the type of a tumor."""

_ETHICS = """\
The data do not include names, age, sex or ethnicity. It is therefore not possible to examine whether the model performs
equally well in different groups of patients.

A missed malignancy and a false alarm do not cause equal harm. How to weigh one against the other is a clinical and
ethical decision. The recall target of the decision policy makes this choice explicit."""


def _details(cited: Cited, recipe: str) -> Section:
    summary = recipes.of_stored(recipe).summary.rstrip(".")
    text = f"""\
Recipe `{recipe}`: {summary[0].lower()}{summary[1:]}. The model estimates the probability that a mass is malignant.

The hyperparameters were selected by cross-validation on the training set. The model was then fitted on the whole
training set.

The model is stored as a skops file, which contains no executable code and is loaded through an allow-list of types."""
    winner = cited.artifacts["fitted_pipeline"]["winner"]
    return Section(
        "Model details",
        paragraphs(text),
        (
            cited("cross-validation score of the selected hyperparameters", "fitted_pipeline", "score"),
            *(cited(name.replace("__", " "), "fitted_pipeline", "winner", name, form="text") for name in winner),
        ),
    )


def _factors(cited: Cited) -> Section:
    clusters = cited.artifacts["exploration"]["correlation"]["clusters"]
    correlated = [", ".join(cluster) for cluster in clusters if len(cluster) > 1]
    text = f"""\
The inputs are thirty measurements of cell nuclei: ten quantities, each summarized over an image by its mean, its
standard error and its worst value (the mean of the three largest values).

Some measurements are strongly correlated, so their individual coefficients should not be interpreted. Groups of
strongly correlated measurements: {"; ".join(correlated) or "none"}."""
    return Section("Factors", paragraphs(text))


def _data(cited: Cited) -> Section:
    text = """\
The data set is UCI Breast Cancer Wisconsin (Diagnostic), collected at a single hospital in Wisconsin around
nineteen-ninety. The patient id is never used as a feature. Rows are always shuffled, because their order in the
published file predicts malignancy."""
    return Section(
        "Data",
        paragraphs(text),
        (
            cited("patients", "exploration", "rows", form="count"),
            cited("benign", "exploration", "benign", form="count"),
            cited("malignant", "exploration", "malignant", form="count"),
            cited("prevalence of malignancy", "exploration", "malignant_share", form="share"),
            cited("ROC-AUC of the row order alone", "exploration", "row_order_auc"),
            cited("patients in the training set", "decision_policy", "training", "rows", form="count"),
            cited("patients in the test set", "metrics", "rows", form="count"),
        ),
    )


def _caveats() -> Section:
    text = """\
The data come from a small number of patients, one hospital, one period and one instrument. The confidence intervals
describe sampling variation. They do not describe how performance would change at another hospital.

The model also returns a prediction for measurements outside the range of the training data. Monitor the inputs for such
values.

Re-evaluate and refit the model if the data source, the instrument or the population changes. `wdbc verify` recomputes
the artifacts that this card cites and reports any differences."""
    return Section("Caveats and recommendations", paragraphs(text))
