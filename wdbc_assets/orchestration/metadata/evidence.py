"""Metadata of the evidence assets: cross-validation, decision policy, importance, and model card."""

from typing import TYPE_CHECKING

import dagster as dg

from wdbc_assets.domain import formatting
from wdbc_assets.domain.evaluation import explanations, floors
from wdbc_assets.orchestration.metadata import parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wdbc_assets.domain.evaluation.comparison import CrossValidation
    from wdbc_assets.domain.evaluation.decision_policy import DecisionPolicy
    from wdbc_assets.domain.evaluation.importance import Importance
    from wdbc_assets.domain.evaluation.results import Calibration, MeasurementSubgroups
    from wdbc_assets.domain.promotion import card_parts


def describe_cross_validation(value: "CrossValidation") -> parts.Metadata:
    """Describe the evaluation: each recipe's figures, the paired differences, and figures with a floor as trends."""
    from wdbc_assets.presentation import plots

    summary = value.summary
    shown = ("log_loss", "accuracy", "recall", "roc_auc")
    own = summary.recipes[floors.RECIPE].means
    return {
        "protocol": f"{summary.repeats} times {summary.folds} folds of {summary.patients} patients",
        "recipes": parts.table(
            ("recipe", *shown),
            [
                (
                    name,
                    *(
                        f"{parts.decimal(by_name[metric].mean)} ± {parts.decimal(by_name[metric].sd)}"
                        for metric in shown
                    ),
                )
                for name, by_name in ((name, metrics.by_name) for name, metrics in summary.recipes.items())
            ],
        ),
        "differences of log-loss": parts.table(
            ("recipe", "minus", "mean", "low", "high"),
            [
                (pair.recipe, pair.minus, *map(parts.decimal, (loss.mean, loss.low, loss.high)))
                for pair in summary.differences
                for loss in (pair.log_loss,)
            ],
        ),
        "recipes compared": parts.picture(
            plots.recipes_compared(summary), "Log-loss and accuracy of each recipe with intervals"
        ),
        "calibration": _calibration(summary.calibration),
        **_explained(summary.calibration[floors.RECIPE]),
        "Brier score": _brier(summary.calibration),
        "reliability": parts.picture(
            plots.reliability_curves(summary.calibration), "Share of malignant by probability, recipe by recipe"
        ),
        **_subgroups(summary.subgroups),
        "patients for an external validation": parts.table(
            ("recipe", "observed / expected", "calibration slope", "malignant among them"),
            [
                (
                    name,
                    validation.observed_expected,
                    validation.slope or f"cannot be said: {validation.reason}",
                    validation.events,
                )
                for name, validation in summary.external_validation.items()
            ],
        ),
        "decision curves": parts.picture(
            plots.decision_curves(summary.decision_curves), "Net benefit of each recipe by threshold, with bands"
        ),
        **{
            f"{floors.RECIPE} {name}": round(mean, parts.DECIMALS)
            for name in floors.METRICS
            if (mean := own[name]) is not None
        },
    }


def describe_decision_policy(policy: "DecisionPolicy") -> parts.Metadata:
    """Describe the policy: its rates out of fold and on the test set, and a plot of its threshold and referral band."""
    from wdbc_assets.presentation import plots

    out_of_fold, test, quantiles = policy.out_of_fold, policy.test, policy.quantiles
    rates = {
        **{f"{name.replace('_', ' ')}, out of fold": rate for name, rate in out_of_fold.by_name.items()},
        **{f"{name.replace('_', ' ')}, test": rate for name, rate in test.by_name.items()},
        "coverage of benign, test": test.coverage.benign,
        "coverage of malignant, test": test.coverage.malignant,
    }
    trends = {
        "threshold": policy.threshold,
        "recall, at least": policy.promise.low,
        "out-of-fold specificity": out_of_fold.specificity.value,
        "out-of-fold referred": out_of_fold.referred.value,
    }
    return {
        "recipe": policy.recipe,
        "triage": (
            f"by conformal prediction sets, for a coverage of {1 - policy.alpha:g}: malignant possible from"
            f" {parts.decimal(1 - quantiles.malignant)}, benign up to {parts.decimal(quantiles.benign)},"
            " refer if both are or none is"
        ),
        "threshold for": f"a recall of {policy.recall_target:g}",
        "promise": policy.promised,
        "rates": parts.table(
            ("rate", "value", "low", "high"), [(name, *parts.interval(rate)) for name, rate in rates.items()]
        ),
        "lines among the patients": parts.picture(
            plots.decision_bands(policy), "Out-of-fold probabilities by class, threshold and referral band"
        ),
        **{name: round(value, parts.DECIMALS) for name, value in trends.items() if value is not None},
    }


def describe_importance(importance: "Importance") -> parts.Metadata:
    """Describe what the model goes by: the loss without each cluster and, of a linear one, two typical patients."""
    from wdbc_assets.presentation import plots

    described: parts.Metadata = {
        "recipe": importance.recipe,
        "protocol": f"{len(importance.folds)} folds of {importance.patients} patients, out of fold",
        "increase of log-loss": parts.table(
            ("cluster", "measurements", "permuted", "left out"),
            [
                (
                    group.cluster,
                    ", ".join(group.measurements),
                    formatting.difference(group.permuted),
                    formatting.difference(group.without),
                )
                for group in importance.groups
            ],
        ),
        "importance by cluster": parts.picture(
            plots.importance_by_group(importance),
            "Increase of the log-loss if each cluster of measurements is permuted, and if it is left out",
        ),
    }
    if importance.linear is None:
        return {**described, "contributions": "none: the recipe is not linear"}
    return {
        **described,
        "contributions": "exact: with the intercept they add up to the log-odds",
        "contributions by value": parts.picture(
            plots.contribution_curves(importance), "What each value of a measurement adds to the log-odds, as curves"
        ),
        "contributions of typical patients": parts.picture(
            plots.typical_contributions(importance), "What each column adds to the log-odds of two typical patients"
        ),
    }


def _calibration(calibration: "Mapping[str, Calibration]") -> "dg.MarkdownMetadataValue":
    return parts.table(
        ("recipe", "slope", "in the large", "O/E", "ICI", "E50", "E90", "ECE", "z"),
        [
            (
                name,
                *(formatting.number(summary.spreads[measure].mean, ".3f") for measure in explanations.CALIBRATION),
                f"{summary.ece:.3f}",
                formatting.number(summary.spiegelhalter_z, ".2f"),
            )
            for name, summary in calibration.items()
        ],
    )


def _explained(calibration: "Calibration") -> dict[str, str]:
    """State each measure of the evaluated recipe with its spread, and what it says."""
    texts = {
        explanation.label: f"{formatting.spread(calibration.spreads[name])}. {explanation.sentence}"
        for name, explanation in explanations.CALIBRATION.items()
    }
    label = explanations.CALIBRATION["intercept"].label
    bounds = f"95 % interval {parts.decimal(calibration.intercept_low)} to {parts.decimal(calibration.intercept_high)}"
    if calibration.intercept_low is not None:
        texts[label] = (
            f"{formatting.spread(calibration.intercept)}, {bounds}. {explanations.CALIBRATION['intercept'].sentence}"
        )
    chance = calibration.ece_if_calibrated
    texts[explanations.ECE.label] = (
        f"{parts.decimal(calibration.ece)}; by chance {parts.decimal(chance.mean)}, from {parts.decimal(chance.low)} to"
        f" {parts.decimal(chance.high)}. {explanations.ECE.sentence}"
    )
    return {f"{floors.RECIPE} {label}": text for label, text in texts.items()}


def _subgroups(by_recipe: "Mapping[str, tuple[MeasurementSubgroups, ...]]") -> parts.Metadata:
    """Show recall and specificity by quarter of the first measurement, and in which quarter most are missed."""
    if not by_recipe:
        return {}
    rows = [
        (name, rate, f"{group.smallest:g} to {group.largest:g}", group.patients, *parts.interval(group.share))
        for name, subgroups in by_recipe.items()
        for rate, by in (("recall", subgroups[0].recall), ("specificity", subgroups[0].specificity))
        for group in by.groups
    ]
    own = by_recipe.get(floors.RECIPE, next(iter(by_recipe.values())))[0]
    title = f"by quarter of the {explanations.mean_of(own.measurement)}"
    return {
        title: parts.table(
            ("recipe", "rate", explanations.mean_of(own.measurement), "patients", "value", "low", "high"), rows
        ),
        f"{title}, in words": explanations.most_missed(own),
    }


def _brier(calibration: "Mapping[str, Calibration]") -> "dg.MarkdownMetadataValue":
    return parts.table(
        ("recipe", "Brier score", "reliability", "resolution", "uncertainty", "within bins"),
        [(name, *map(parts.decimal, vars(summary.brier).values())) for name, summary in calibration.items()],
    )


def describe_model_card(card: "card_parts.ModelCard") -> parts.Metadata:
    """Describe the model card: the card itself."""
    from wdbc_assets.domain.promotion import model_card_pages

    return {
        "recipe": card.recipe,
        "cited figures": f"{len(card.values)}, from {len(card.versions)} artifacts",
        "card": dg.MetadataValue.md(model_card_pages.markdown(card)),
    }
