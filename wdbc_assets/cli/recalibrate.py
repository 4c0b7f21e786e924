"""`wdbc recalibrate`: the champion's decision policy for another prevalence."""

from typing import TYPE_CHECKING, Any

import click

from wdbc_assets.cli import decisions, terminal
from wdbc_assets.domain import formatting
from wdbc_assets.registry import policies
from wdbc_assets.store import parsing

if TYPE_CHECKING:
    from wdbc_assets.domain.evaluation.decision_policy import DecisionPolicy
    from wdbc_assets.domain.evaluation.intervals import Interval


@click.command()
@click.option("--prevalence", type=terminal.Number(0, 1, min_open=True, max_open=True), required=True,
              metavar="FRACTION", help="Share of the patients there that is malignant, such as 0.1.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def recalibrate(*, prevalence: float, as_json: bool) -> None:
    """Store the champion's policy for patients of whom another share is malignant. It serves nobody yet.

    The log-odds of every patient change by one constant: logit(FRACTION) - logit(prevalence in the training set). Every
    triage outcome, recall and specificity stay as they are; PPV and NPV change. This assumes that the patients of each
    class are the same there.

    FRACTION is 0.001 to 0.999. A second recalibration replaces the first. `wdbc promote --policy` puts the policy into
    production. The next refit (`wdbc retrain`) has a policy without recalibration again.
    """
    _, store, registry = decisions.prepare()
    standing = registry.standing()
    made = policies.recalibrate(store, standing, prevalence)
    if as_json:
        terminal.document(
            {"policy": made.manifest.version, "in_production": made.serves, "recalibration": _plain(made.value)}
        )
        return
    version = formatting.short(made.manifest.version)
    show(made.value)
    if made.serves:
        terminal.say(f"\n  policy {version} is already in production: nothing to do")
        return
    terminal.say(f"\n  policy {version} is stored, and serves nobody yet")
    terminal.say(f"  next: {terminal.command_name()} promote --policy {version} --reason TEXT")


def _plain(policy: "DecisionPolicy") -> dict[str, Any]:
    """Return what changes with the prevalence."""
    from wdbc_assets.domain.evaluation import recalibration

    values = recalibration.predictive_values(policy.test, policy.prevalence)
    return {
        "prevalence": policy.prevalence,
        "offset": policy.recalibration.offset if policy.recalibration else 0.0,
        "threshold": recalibration.bounds(policy).threshold,
        "ppv": parsing.plain(values.ppv),
        "npv": parsing.plain(values.npv),
        "warning": recalibration.warning(policy) or None,
    }


def show(policy: "DecisionPolicy") -> None:
    """Show a policy at its prevalence beside that of its training set."""
    from wdbc_assets.domain.evaluation import recalibration

    here, there = policy.training.prevalence, policy.prevalence
    if policy.recalibration is None:
        terminal.say(
            f"\n  {policy.recipe}, as it was derived: for a prevalence of {formatting.percent(here)}, that of the"
            " training set"
        )
        return
    terminal.say(
        f"\n  {policy.recipe}, recalibrated from a prevalence of {formatting.percent(here)} (training set) to"
        f" {formatting.percent(there)}: {policy.recalibration.offset:+.4f} in log-odds"
    )
    before, after = (recalibration.predictive_values(policy.test, at) for at in (here, there))
    rows = (
        ("threshold", f"{policy.threshold:.4f}", f"{recalibration.bounds(policy).threshold:.4f}"),
        ("PPV, test set", _interval(before.ppv), _interval(after.ppv)),
        ("NPV, test set", _interval(before.npv), _interval(after.npv)),
    )
    terminal.say(f"\n  {'':<15} {formatting.percent(here):<26} {formatting.percent(there)}")
    for name, *values in rows:
        terminal.say(f"  {name:<15} {values[0]:<26} {values[1]}".rstrip())
    for name, value in (("PPV", after.ppv), ("NPV", after.npv)):
        if value.reason:
            terminal.say(f"  {name} has no {'value' if value.value is None else 'interval'}: {value.reason}")
    terminal.say("  recall, specificity, and the triage of every patient stay the same")
    if warning := recalibration.warning(policy):
        terminal.say(terminal.style(f"  warning: {warning}", fg="yellow"))


def _interval(value: "Interval") -> str:
    bounds = "" if value.low is None else f" [{value.low:.4f}, {value.high:.4f}]"
    return f"{formatting.number(value.value)}{bounds}"
