"""The sections of a model card that state evidence: evaluation, decision policy, importance and stability.

Each function returns a section, or several. Sentences contain no numbers; each number cites where it is from.
"""

from __future__ import annotations

from wdbc_assets.domain.evaluation import explanations, floors
from wdbc_assets.domain.promotion.card_parts import Cited, CitedValue, Form, Section, lookup, paragraphs

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


def evaluation(cited: Cited, recipe: str) -> Section:
    """Return what repeated cross-validation says of the recipe, beside that of the others."""
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


def test_set(cited: Cited) -> Section:
    """Return the metrics on the test set."""
    text = """\
These results come from a single split with a small test set. A different split gives different values. They are not
used to select a model.

The intervals of proportions are Wilson intervals, that of the F-measure is the Wilson interval of the Jaccard index,
that of the ROC-AUC is DeLong's on the logit scale, and those of the log-loss and the Brier score are bootstrap-t
intervals on the log scale. With so few patients, the interval of the log-loss covers the true value less often than it
states. Average precision has no interval, because none is known that covers the true value as often as it states."""
    metrics = (cited(label, "metrics", metric, form="interval") for metric, label in _METRICS.items())
    return Section("Performance on the test set", paragraphs(text), tuple(metrics))


def policy(cited: Cited) -> Section:
    """Return the decision policy and its rates."""
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


def importance(cited: Cited) -> Section:
    """Return what the model loses without each cluster."""
    text = """\
The increase in log-loss, out of fold, if a cluster of measurements of the same property is permuted among patients, and
if the model is fitted without it. Clusters can substitute for each other, so a small increase does not mean that a
cluster is unimportant."""
    groups = (
        cited(f"{group['cluster'].replace('_', ' ')}, {label}", "importance", "groups", str(number), kind, form="mean")
        for number, group in enumerate(cited.artifacts["importance"]["groups"])
        for kind, label in (("permuted", "permuted"), ("without", "left out"))
    )
    return Section("Feature importance", paragraphs(text), tuple(groups))


_PARTS = ("a quarter", "half", "three quarters")


def stability(cited: Cited) -> Section:
    """Return how much the model depends on its patients."""
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


def calibration(cited: Cited, recipe: str) -> Section:
    """Return the calibration of the recipe."""
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


def subgroups(cited: Cited, recipe: str) -> tuple[Section, ...]:
    """Return the section on subgroups; there is none if the summary was made without the measurements."""
    if recipe not in cited.artifacts["cross_validation"]["subgroups"]:
        return ()
    quarters = cited.artifacts["cross_validation"]["subgroups"][recipe][0]
    name = explanations.mean_of(quarters["measurement"])
    reasons = (
        f"{rate.capitalize()}: {quarters[rate]['reason']}."
        for rate in ("recall", "specificity")
        if quarters[rate].get("reason")
    )
    text = f"""\
The data have no attributes of the patients but the measurements. The malignant patients are divided into quarters by
the {name} of their nuclei, smallest first, and so are the benign ones. A probability above one half counts as
malignant. The rates are means over the repeats, with the Wilson interval of as many patients as a quarter has. They are
not corrected for the number of quarters. {" ".join(reasons)}"""

    def quarter(rate: str, number: int) -> tuple[CitedValue, ...]:
        def at(label: str, *place: str, form: Form) -> CitedValue:
            where = ("subgroups", recipe, "0", rate, "groups", str(number), *place)
            return cited(f"{label}, {_QUARTERS[number]} quarter", "cross_validation", *where, form=form)

        patients = "malignant" if rate == "recall" else "benign"
        return (
            at(f"largest {name} of {patients} patients", "largest", form="decimal"),
            at(f"{patients} patients", "patients", form="count"),
            at(f"{rate} of {patients} patients", "share", form="interval"),
        )

    rates = (
        value
        for rate in ("recall", "specificity")
        for number in range(len(quarters[rate]["groups"]))
        for value in quarter(rate, number)
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


def usefulness(cited: Cited, recipe: str) -> Section:
    """Return the costliest patients, validation sizes and other prevalences."""
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
