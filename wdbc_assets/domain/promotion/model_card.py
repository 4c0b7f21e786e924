"""The model card: what the model is, what it is for and not for, and every figure with the artifact that it comes from.

The headings are those of M. Mitchell et al. (2019), "Model Cards for Model Reporting", FAT*, 220-229. Sentences hold no
number: numbers stand in tables, each row citing an artifact and a place in it, so that none can drift from what was
computed. What a card is made of stands in `cards`, how it is written down in `card_pages`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import floors
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.domain.promotion.card_parts import Cited, CitedValue, ModelCard, Section, paragraphs

if TYPE_CHECKING:
    from collections.abc import Mapping

DISCLAIMER = """\
A study of method on a public data set. It is not a medical device, was never tried on patients, and must not be used to
decide about anyone's diagnosis or treatment."""


def card(artifacts: Mapping[str, Any], versions: Mapping[str, str]) -> ModelCard:
    """Fill the card.

    `artifacts` maps `exploration`, `fitted_pipeline`, `metrics`, `cross_validation`, `decision_policy` and `importance`
    to their plain content: what their JSON files hold, of `fitted_pipeline` the search, of `cross_validation` the
    summary. `versions` maps each to the digest of the version that this content is.

    Raises WdbcError if the fitted pipeline's recipe was not evaluated.
    """
    recipe = str(artifacts["fitted_pipeline"]["recipe"])
    if recipe not in artifacts["cross_validation"]["recipes"]:
        raise WdbcError(
            f"the recipe of the fitted pipeline, {recipe}, was not evaluated: its card would have no evidence",
            where="cross_validation",
            hint=f"Run `wdbc evaluate --recipe {recipe}`.",
        )
    cited = Cited(artifacts)
    sections = (
        _details(cited, recipe),
        Section("Intended use", paragraphs(_INTENDED)),
        Section("What it must not be used for", paragraphs(f"{DISCLAIMER}\n\n{_NOT_FOR}")),
        _factors(cited),
        _data(cited),
        _evaluation(cited, recipe),
        _test_part(cited),
        _policy(cited),
        _importance(cited),
        Section("Ethical considerations", paragraphs(_ETHICS)),
        _caveats(cited, recipe),
    )
    return ModelCard(recipe, sections, {name: versions[name] for name in sorted(artifacts)})


_INTENDED = """\
To show how a diagnosis model is made, judged, promoted and watched so that every number can be derived again; to be
read, repeated and criticised.

For engineers and data scientists. The measurements are those of digitised images of fine-needle aspirates of breast
masses, as published."""

_NOT_FOR = """\
Not for measurements by another instrument, another way of outlining nuclei, another hospital or time: nothing here says
how the model does there.

Not for screening: the patients had a palpable mass, and malignant masses are far more frequent among them than among
those who are screened.

Not beyond two classes: it knows no third answer, but for the referral below."""

_ETHICS = """\
The data hold no name, age, sex or origin. Whether the model does equally well for all groups of patients can therefore
not be examined, and is unknown.

A missed malignancy and a false alarm are not equally bad. How much worse one is than the other is a judgement; the
recall target of the decision policy states one."""


def _details(cited: Cited, recipe: str) -> Section:
    summary = recipes.named(recipe).summary.rstrip(".")
    said = f"""\
Recipe `{recipe}`: {summary[0].lower()}{summary[1:]}. It gives the probability that a mass is malignant.

Its parameters won a search by cross-validation on the training part; it was then fitted on all of that.

It is stored as a skops file that holds no code, and loads through an allow-list."""
    winner = cited.artifacts["fitted_pipeline"]["winner"]
    return Section(
        "Model details",
        paragraphs(said),
        (
            cited("score of the search", "fitted_pipeline", "score"),
            *(cited(name.replace("__", " "), "fitted_pipeline", "winner", name, form="text") for name in winner),
        ),
    )


def _factors(cited: Cited) -> Section:
    clusters = [", ".join(one) for one in cited.artifacts["exploration"]["correlation"]["clusters"] if len(one) > 1]
    said = f"""\
Thirty measurements of cell nuclei: ten quantities, each as mean, standard error and worst value of an image.

Measurements that say nearly the same, so that their weights mean little one by one: {"; ".join(clusters) or "none"}."""
    return Section("Factors", paragraphs(said))


def _data(cited: Cited) -> Section:
    said = """\
UCI Breast Cancer Wisconsin (Diagnostic), collected in one hospital in Wisconsin around the year nineteen-ninety. The id
is never a feature; rows are always shuffled, for their order alone predicts malignancy."""
    return Section(
        "Data",
        paragraphs(said),
        (
            cited("patients", "exploration", "rows", form="count"),
            cited("benign", "exploration", "benign", form="count"),
            cited("malignant", "exploration", "malignant", form="count"),
            cited("share of malignant", "exploration", "malignant_share", form="share"),
            cited("ROC-AUC of the row order alone", "exploration", "row_order_auc"),
            cited("patients of the training part", "decision_policy", "training", "rows", form="count"),
            cited("patients of the test part", "metrics", "rows", form="count"),
        ),
    )


_METRICS = {
    "accuracy": "accuracy",
    "recall": "recall (sensitivity)",
    "specificity": "specificity",
    "precision": "precision",
    "f1": "F-measure",
    "roc_auc": "ROC-AUC",
    "pr_auc": "average precision",
    "log_loss": "log-loss",
    "brier": "Brier score",
}
_COMPARED = ("log_loss", "accuracy")


def _evaluation(cited: Cited, recipe: str) -> Section:
    said = """\
Repeated nested cross-validation: each patient is judged by models that never saw it, and everything that was chosen was
chosen without it. The figure is the mean over the repeats; the interval, of single folds, carries the correction of
Nadeau and Bengio."""
    summary = cited.artifacts["cross_validation"]
    shown_metrics = dict.fromkeys((recipes.BASELINE, floors.RECIPE), _COMPARED) | {recipe: tuple(_METRICS)}
    figures = [
        cited(f"{_METRICS[metric]}, {name}", "cross_validation", "recipes", name, metric, form="mean")
        for name in sorted(shown_metrics, key=lambda name: name != recipe)
        for metric in shown_metrics[name]
    ]
    pairs = [
        cited(f"{_METRICS[of]}, {one['recipe']} less {one['minus']}", "cross_validation", *place, of, form="mean")
        for place, one in ((("differences", str(n)), one) for n, one in enumerate(summary["differences"]))
        if recipe in (one["recipe"], one["minus"])
        for of in _COMPARED
    ]
    counts = [cited(name, "cross_validation", name, form="count") for name in ("repeats", "folds")]
    return Section("How good it is", paragraphs(said), (*counts, *figures, *pairs))


def _test_part(cited: Cited) -> Section:
    said = "One split of few patients: another split gives other figures, and nothing is chosen or refused by these."
    figures = (cited(label, "metrics", metric, form="interval") for metric, label in _METRICS.items())
    return Section("On the test part", paragraphs(said), tuple(figures))


def _policy(cited: Cited) -> Section:
    said = """\
The threshold is chosen on out-of-fold probabilities of the training part so that the recall target is met there. It is
no guarantee for the next patient or the next hospital.

A patient for whom neither diagnosis, or both, can be held at the stated level is referred to a person."""

    def test(label: str, *place: str) -> CitedValue:
        return cited(f"{label}, test part", "decision_policy", "test", *place, form="interval")

    return Section(
        "Decision and referral",
        paragraphs(said),
        (
            cited("recall target", "decision_policy", "recall_target", form="share"),
            cited("threshold", "decision_policy", "threshold"),
            test("recall at the threshold", "recall"),
            test("specificity at the threshold", "specificity"),
            test("coverage of malignant", "coverage", "malignant"),
            test("coverage of benign", "coverage", "benign"),
            test("referred", "referred"),
            cited("referred, out of fold", "decision_policy", "out_of_fold", "referred", form="interval"),
        ),
    )


def _importance(cited: Cited) -> Section:
    said = """\
By how much the log-loss on the test part rises when the three values of a quantity are exchanged between patients.
Correlated quantities stand in for each other: a small rise does not say that one is unimportant."""
    figures = (
        cited(str(group["measurement"]).replace("_", " "), "importance", "groups", str(number), "mean")
        for number, group in enumerate(cited.artifacts["importance"]["groups"])
    )
    return Section("What it looks at", paragraphs(said), tuple(figures))


def _caveats(cited: Cited, recipe: str) -> Section:
    said = """\
Few patients, one place, one time, one instrument. Intervals tell of chance, not of another hospital.

Measurements outside of what was trained on are answered all the same; watch for them.

Judge it again, and make it again, when any of that changes. `wdbc verify` derives the artifacts that this card cites
once more, and names what diverged."""
    calibration = cited("expected calibration error", "cross_validation", "calibration", recipe, "ece")
    return Section("Caveats and recommendations", paragraphs(said), (calibration,))
