"""The model card: what the model is, its intended use and limits, and every number with the artifact it comes from.

The sections follow M. Mitchell et al. (2019), "Model Cards for Model Reporting", FAT*, 220-229. Sentences contain no
numbers. All numbers are in tables whose rows cite an artifact and a place in it, so they cannot drift from the computed
values. `card_parts` defines the types, `model_card_pages` renders them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import explanations, floors
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.domain.promotion.card_parts import (
    CODE,
    DATE,
    Cited,
    CitedValue,
    Fact,
    Form,
    ModelCard,
    Section,
    lookup,
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
        _evaluation(cited, recipe),
        _calibration(cited, recipe),
        *_subgroups(cited, recipe),
        _usefulness(cited, recipe),
        _test_set(cited),
        _policy(cited),
        _importance(cited),
        _stability(cited),
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


_METRICS = {
    "accuracy": "accuracy",
    "recall": "recall (sensitivity)",
    "specificity": "specificity",
    "precision": "precision (positive predictive value)",
    "f1": "F-measure",
    "roc_auc": "ROC-AUC",
    "pr_auc": "average precision",
    "log_loss": "log-loss",
    "brier": "Brier score",
}
_COMPARED = ("log_loss", "accuracy")


def _evaluation(cited: Cited, recipe: str) -> Section:
    text = """\
Performance is estimated by repeated nested cross-validation. Each patient is scored by models for which neither fitting
nor the selection of hyperparameters used that patient. Values are means and standard deviations over the repeats. The
confidence intervals are those of the mean over the individual folds, which is shown with them, with the correction of
Nadeau and Bengio for overlapping training sets.

Differences are paired by fold. Each is tested by itself: the more differences, the more of them are significant by
chance. The quick and the full protocol can disagree about which differences are significant."""
    summary = cited.artifacts["cross_validation"]
    compared = [name for name in floors.EVALUATED if name in summary["recipes"]]
    shown_metrics = dict.fromkeys(compared, _COMPARED) | {recipe: tuple(_METRICS)}
    metrics = [
        cited(f"{_METRICS[metric]}, {name}", "cross_validation", "recipes", name, metric, form="folds")
        for name in sorted(shown_metrics, key=lambda name: name != recipe)
        for metric in shown_metrics[name]
    ]
    differences = [
        cited(
            f"{_METRICS[metric]}, {pair['recipe']} minus {pair['minus']}",
            "cross_validation",
            "differences",
            str(number),
            metric,
            form="mean",
        )
        for number, pair in enumerate(summary["differences"])
        if recipe in (pair["recipe"], pair["minus"])
        for metric in _COMPARED
    ]
    counts = [cited(name, "cross_validation", name, form="count") for name in ("repeats", "folds")]
    counts.append(cited("compared pairs of recipes", "cross_validation", "differences", form="length"))
    return Section("Performance in cross-validation", paragraphs(text), (*counts, *metrics, *differences))


def _test_set(cited: Cited) -> Section:
    text = """\
These results come from a single split with a small test set. A different split gives different values. They are not
used to select a model.

The intervals of proportions are Wilson intervals, that of the F-measure is the Wilson interval of the Jaccard index,
that of the ROC-AUC is DeLong's on the logit scale, and those of the log-loss and the Brier score are bootstrap-t
intervals on the log scale. With so few patients, the interval of the log-loss covers the true value less often than it
states. Average precision has no interval, because none is known that covers the true value as often as it states."""
    metrics = (cited(label, "metrics", metric, form="interval") for metric, label in _METRICS.items())
    return Section("Performance on the test set", paragraphs(text), tuple(metrics))


def _policy(cited: Cited) -> Section:
    text = """\
The decision threshold is selected on out-of-fold probabilities of the training set, so that the expected recall of
new malignant patients is the recall target, if they are like those of the training set. In a single training set the
recall can be lower: the lower bound says what can be relied on. Neither holds at other hospitals.

Triage uses a conformal prediction set for each patient. If the set contains both diagnoses or neither, the patient is
referred to a physician."""

    def test(label: str, *place: str) -> CitedValue:
        return cited(f"{label}, test set", "decision_policy", "test", *place, form="interval")

    return Section(
        "Decision threshold and triage",
        paragraphs(text),
        (
            cited("recall target", "decision_policy", "recall_target", form="share"),
            cited("expected recall of new malignant patients", "decision_policy", "promise", "expected", form="share"),
            cited("lower bound of that recall", "decision_policy", "promise", "low", form="share"),
            cited("confidence of the lower bound", "decision_policy", "promise", "confidence", form="share"),
            cited("threshold", "decision_policy", "threshold"),
            test("recall at the threshold", "recall"),
            test("specificity at the threshold", "specificity"),
            test("positive predictive value at the threshold", "ppv"),
            test("negative predictive value at the threshold", "npv"),
            test("coverage of malignant patients", "coverage", "malignant"),
            test("coverage of benign patients", "coverage", "benign"),
            test("share of patients referred", "referred"),
            cited(
                "share of patients referred, out of fold",
                "decision_policy",
                "out_of_fold",
                "referred",
                form="interval",
            ),
        ),
    )


def _importance(cited: Cited) -> Section:
    text = """\
The increase in log-loss, out of fold, if a cluster of measurements of the same property is permuted among patients, and
if the model is fitted without it. Clusters can substitute for each other, so a small increase does not mean that a
cluster is unimportant."""
    groups = (
        cited(f"{group['cluster'].replace('_', ' ')}, {label}", "importance", "groups", str(number), of, form="mean")
        for number, group in enumerate(cited.artifacts["importance"]["groups"])
        for of, label in (("permuted", "permuted"), ("without", "left out"))
    )
    return Section("Feature importance", paragraphs(text), tuple(groups))


_PARTS = ("a quarter", "half", "three quarters")


def _stability(cited: Cited) -> Section:
    text = """\
The recipe was developed again on bootstrap samples of the patients, with the hyperparameters selected again in each.
Optimism and instability are overstated rather than understated, because the copies of a patient are on both sides of
inner folds. The performance to expect is that in cross-validation."""

    def of(label: str, *place: str, form: Form = "decimal") -> CitedValue:
        return cited(label, "stability", *place, form=form)

    return Section(
        "Stability",
        paragraphs(text),
        (
            of("bootstrap refits", "refits", form="count"),
            of("mean difference of a probability between refits and original", "error"),
            of("share of refits on the other side of one half", "class_changes", form="share"),
            of("log-loss on the patients of development", "log_loss", "apparent"),
            of("log-loss corrected for optimism", "log_loss", "corrected"),
            of("ROC-AUC on the patients of development", "roc_auc", "apparent"),
            of("ROC-AUC corrected for optimism", "roc_auc", "corrected"),
            of("calibration slope of the refits", "slope", form="spread"),
            *(
                of(f"log-loss with {part} of the training set minus that with all", *place, form="mean")
                for number, part in enumerate(_PARTS[: len(cited.artifacts["stability"]["learning"])])
                for place in (("learning", str(number), "log_loss"),)
            ),
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


def _calibration(cited: Cited, recipe: str) -> Section:
    text = """\
Each measure is computed for every repeat of the cross-validation, and averaged over the repeats. The expected
calibration error is shown beside its mean for perfectly calibrated probabilities, and is not used for any decision."""

    def of(label: str, *place: str, form: Form = "decimal") -> CitedValue:
        return cited(label, "cross_validation", "calibration", recipe, *place, form=form)

    return Section(
        "Calibration",
        paragraphs(text),
        (
            *(of(shown.label, name, form="spread") for name, shown in explanations.CALIBRATION.items()),
            of("lower bound of the calibration in the large", "intercept_low"),
            of("upper bound of the calibration in the large", "intercept_high"),
            of("expected calibration error", "ece"),
            of("expected calibration error if perfectly calibrated", "ece_if_calibrated", "mean"),
        ),
    )


_QUARTERS = ("first", "second", "third", "fourth")


def _subgroups(cited: Cited, recipe: str) -> tuple[Section, ...]:
    """Return the section on subgroups; there is none if the summary was made without the measurements."""
    if recipe not in cited.artifacts["cross_validation"]["subgroups"]:
        return ()
    by = cited.artifacts["cross_validation"]["subgroups"][recipe][0]
    name = explanations.mean_of(by["measurement"])
    reasons = (f"{of.capitalize()}: {by[of]['reason']}." for of in ("recall", "specificity") if by[of].get("reason"))
    text = f"""\
The data have no attributes of the patients but the measurements. The malignant patients are divided into quarters by
the {name} of their nuclei, smallest first, and so are the benign ones. A probability above one half counts as
malignant. The rates are means over the repeats, with the Wilson interval of as many patients as a quarter has. They are
not corrected for the number of quarters. {" ".join(reasons)}"""

    def quarter(of: str, number: int) -> tuple[CitedValue, ...]:
        def at(label: str, *place: str, form: Form) -> CitedValue:
            where = ("subgroups", recipe, "0", of, "groups", str(number), *place)
            return cited(f"{label}, {_QUARTERS[number]} quarter", "cross_validation", *where, form=form)

        patients = "malignant" if of == "recall" else "benign"
        return (
            at(f"largest {name} of {patients} patients", "largest", form="decimal"),
            at(f"{patients} patients", "patients", form="count"),
            at(f"{of} of {patients} patients", "share", form="interval"),
        )

    rates = (
        value
        for of in ("recall", "specificity")
        for number in range(len(by[of]["groups"]))
        for value in quarter(of, number)
    )
    return (Section("Subgroups", paragraphs(text), tuple(rates)),)


_ELSEWHERE: tuple[tuple[str, str, Form], ...] = (
    ("share of malignant elsewhere", "prevalence", "share"),
    ("observed / expected there", "observed_expected", "decimal"),
    ("log-loss there", "log_loss", "decimal"),
    ("log-loss there, recalibrated", "recalibrated_log_loss", "decimal"),
)


_VALIDATION = {
    "observed_expected": "patients to validate observed / expected elsewhere",
    "slope": "patients to validate the calibration slope elsewhere",
    "events": "malignant patients among them",
}


def _usefulness(cited: Cited, recipe: str) -> Section:
    text = """\
Computed from the out-of-fold probabilities. A few patients carry much of the log-loss. A validation at another hospital
needs so many patients that observed / expected and the calibration slope are precise enough to be of use; the formula
is asymptotic, so that half as many again are safer. Where another share of the patients is malignant, and each class is
like that of these data, the probabilities are wrong until they are recalibrated by adding an offset to the log-odds."""

    others = ("cross_validation", "other_prevalences", recipe)
    return Section(
        "Costly patients, external validation and other prevalences",
        paragraphs(text),
        (
            cited(
                "share of the log-loss of the five costliest patients",
                *("cross_validation", "costly_patients", recipe, "share"),
                form="share",
            ),
            *(
                cited(label, "cross_validation", "external_validation", recipe, name, form="count")
                for name, label in _VALIDATION.items()
            ),
            *(
                cited(label, *others, str(place), name, form=form)
                for place in range(len(lookup(cited.artifacts["cross_validation"], others[1:])))
                for label, name, form in _ELSEWHERE
            ),
        ),
    )
