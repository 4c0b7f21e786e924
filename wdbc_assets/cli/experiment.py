"""How a running experiment is described and shown by `wdbc shadow status`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wdbc_assets.cli import terminal
from wdbc_assets.domain import formatting
from wdbc_assets.registry import challenger as registry_challenger
from wdbc_assets.registry.experiment import Experiment
from wdbc_assets.registry.registry import Registry
from wdbc_assets.store import paths
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    from wdbc_assets.domain.promotion.agreement import Agreement


@dataclass(frozen=True)
class Challenger:
    """The challenger: its bundle's version, and the version of fitted_pipeline that it was made of."""

    recipe: str
    version: str
    candidate: str


@dataclass(frozen=True)
class Opponent:
    """The champion that it is compared with; the recipe is None if another champion is in production."""

    recipe: str | None
    version: str


@dataclass(frozen=True, kw_only=True)
class Description:
    """An experiment: its terms, the outcome counts of the patients, and the agreement, None without pairs."""

    challenger: Challenger
    champion: Opponent
    share: float
    since: str
    actor: str
    reason: str
    goes_on: bool
    series: int
    patients: dict[str, int]
    answered_by_challenger: int
    unreadable: int
    agreement: "Agreement | None"


def describe(store: Store, registry: Registry, experiment: Experiment) -> Description:
    """Describe an experiment."""
    standing = registry.standing()
    paired = registry_challenger.read(store, experiment.candidate, experiment.against, series=experiment.series)
    goes_on = standing.version == experiment.against
    champion = standing.manifest if goes_on else registry.promoted(experiment.against)
    return Description(
        challenger=Challenger(experiment.recipe, experiment.challenger.version, experiment.candidate),
        champion=Opponent(standing.recipe if goes_on else None, experiment.against),
        share=experiment.share,
        since=experiment.at,
        actor=experiment.actor,
        reason=experiment.reason,
        goes_on=goes_on,
        series=paired.series,
        patients={**paired.counts, "waiting": paired.waiting},
        answered_by_challenger=paired.answered,
        unreadable=paired.unreadable,
        agreement=_agreement(store, experiment, paired, champion) if paired.pairs and champion else None,
    )


def _agreement(
    store: Store, experiment: Experiment, paired: registry_challenger.Paired, champion: Manifest
) -> "Agreement":
    import numpy as np

    from wdbc_assets.domain.promotion import agreement as promotion_agreement
    from wdbc_assets.store import bundle_loader

    policies = [
        bundle_loader.read_policy(store.files(manifest).get(paths.POLICY))
        for manifest in (champion, experiment.challenger)
    ]
    return promotion_agreement.agreement(
        np.array([pair.champion for pair in paired.pairs]),
        np.array([pair.challenger for pair in paired.pairs]),
        champion_policy=policies[0],
        challenger_policy=policies[1],
    )


def mode(share: float) -> str:
    """Name the mode of an experiment with this share."""
    return f"serving {100 * share:g} % of the requests" if share else "as a shadow"


def show(experiment: Description) -> None:
    """Print an experiment."""
    challenger, champion = experiment.challenger, experiment.champion
    name = terminal.style(challenger.recipe, bold=True)
    terminal.say(f"\n  challenger {name} {formatting.short(challenger.candidate)} (fitted_pipeline)")
    opponent = f"{champion.recipe or 'champion'} {formatting.short(champion.version)}"
    terminal.say(f"  against {opponent}, {mode(experiment.share)}")
    since = experiment.since[:19].replace("T", " ")
    terminal.say(
        f"  since {since} UTC, by {experiment.actor}" + (f": {experiment.reason}" if experiment.reason else "")
    )
    if not experiment.goes_on:
        ended = terminal.style("ended", fg="yellow", bold=True)
        terminal.say(f"  {ended}: another champion is in production; start a new experiment, or run `wdbc shadow stop`")
    counts = experiment.patients
    terminal.say(
        f"\n  patients: {counts['scored']:,} scored by both, {counts['failed']:,} failed by the challenger,"
        f" {counts['dropped']:,} dropped (overload, or enough pairs);"
        f" {experiment.answered_by_challenger:,} served by the challenger"
    )
    if counts["waiting"]:
        terminal.say(f"  {counts['waiting']:,} more are pending, or were lost when a worker of the service died")
    if experiment.series > 1:
        terminal.say(f"  counts reset {experiment.series - 1} times: earlier pairs of this candidate are excluded")
    if experiment.unreadable:
        terminal.say(
            terminal.style(f"  problem: {experiment.unreadable} files with pairs or counts cannot be read", fg="red")
        )
    if experiment.agreement is None:
        terminal.say("  no pairs yet: they appear within seconds of a request to `wdbc serve`")
    else:
        _show_agreement(experiment.agreement)


def _show_agreement(agreement: "Agreement") -> None:
    for label, rate, meaning in (
        ("same triage", agreement.same_triage, ""),
        ("threshold", agreement.same_above_threshold, " on the same side of both models' thresholds"),
    ):
        terminal.say(f"  {label:<15} {rate.value:.4f} [{rate.low:.4f}, {rate.high:.4f}]{meaning}")
    for before, others in agreement.triage.items():
        for after, patients in others.items():
            if patients and before != after:
                terminal.say(f"  {'':<15} {patients:,} {before} by the champion, {after} by the challenger")
    referred, difference = agreement.referred, agreement.difference
    shares = f"{referred.champion:.4f} by the champion, {referred.challenger:.4f} by the challenger"
    terminal.say(f"  {'referred':<15} {shares}")
    change = f"{difference.mean:+.4f} on average (challenger - champion), {difference.largest:.4f} at most"
    terminal.say(f"  {'probability':<15} {change}")
