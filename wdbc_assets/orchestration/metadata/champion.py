"""Metadata of a comparison and of the champion: the verdict, each criterion, and a plot of the intervals."""

from typing import TYPE_CHECKING

import dagster as dg

from wdbc_assets.domain import formatting
from wdbc_assets.domain.promotion import criteria
from wdbc_assets.orchestration.metadata import parts

if TYPE_CHECKING:
    from wdbc_assets.domain.promotion import bundles, gate
    from wdbc_assets.registry.decision_log import Decision


def describe_verdict(verdict: "gate.Verdict") -> parts.Metadata:
    """Describe a comparison: each criterion with its value, interval and requirement."""
    from wdbc_assets.presentation import plots

    described: parts.Metadata = {
        "verdict": f"{verdict.name}: {verdict.reason}",
        "candidate": verdict.candidate,
        "against": verdict.champion or "nothing: there was no champion",
        "protocol": verdict.protocol,
        "criteria": parts.table(
            ("criterion", "value", "interval", "required", "met"),
            [
                (
                    criterion.name,
                    _value(criterion),
                    _interval(criterion),
                    criterion.demand,
                    "yes" if criterion.holds else "**no**",
                )
                for criterion in verdict.criteria
            ],
        ),
    }
    if verdict.comparison is not None:
        described["accuracy (decides nothing)"] = formatting.difference(verdict.comparison.accuracy)
        if verdict.folds:
            level = criteria.alpha(verdict.attempt)
            described["attempt"] = f"{verdict.attempt}, compared at the level {level:.2g}"
        described["power"] = parts.table(
            ("gain in log-loss", "recognized in about"),
            [
                (f"{gain:.3f}", f"{share:.0%}")
                for gain, share in zip(criteria.GAINS, verdict.comparison.power, strict=True)
            ],
        )
        described["differences"] = parts.picture(
            plots.differences(verdict), "Difference of each criterion with its interval and its bound"
        )
    return described


def describe_champion(bundle: "bundles.Bundle", verdict: "gate.Verdict", decision: "Decision") -> parts.Metadata:
    """Describe a promoted bundle: the model, the decision, and the evidence."""
    forced = {"FORCED": dg.MetadataValue.md(f"**against the verdict**, by {decision.actor}: {decision.reason}")}
    return {
        "recipe": bundle.recipe,
        "predicts with": "compiled scorer"
        if bundle.scorer is not None
        else "scikit-learn: this recipe cannot be compiled",
        "promoted by": decision.actor,
        "evidence": decision.evidence,
        **(forced if decision.forced else {}),
        **describe_verdict(verdict),
    }


def _value(criterion: "criteria.Criterion") -> str:
    return criterion.found or ("" if criterion.value is None else f"{criterion.value:+.4f}")


def _interval(criterion: "criteria.Criterion") -> str:
    return "" if criterion.low is None or criterion.high is None else f"{criterion.low:+.4f} to {criterion.high:+.4f}"
