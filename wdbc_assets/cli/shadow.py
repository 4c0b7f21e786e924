"""`wdbc shadow`: a challenger beside the champion in the running service, without effect or for a share of requests."""

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from wdbc_assets.cli import decisions, terminal
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import specs, staleness
from wdbc_assets.registry import candidate as registry_candidate
from wdbc_assets.registry import challenger as registry_challenger
from wdbc_assets.registry.challenger import Experiment
from wdbc_assets.registry.registry import Decision, Registry
from wdbc_assets.store import bundle_files, paths
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    from wdbc_assets.domain.promotion.gate import Verdict

_LARGEST_SHARE = 0.5


@click.group()
def shadow() -> None:
    """Try a challenger on what the service is asked, beside the champion.

    Running services take it over within a second. Each patient is scored by both; what both said is kept, without any
    measurement, and `wdbc promote` asks whether the challenger answered.
    """


@shadow.command()
@click.argument("candidate", required=False, metavar="[CANDIDATE]")
@click.option("--share", type=terminal.Number(0, _LARGEST_SHARE), default=0.0, show_default=True, metavar="FRACTION",
              help="What share of the requests the challenger answers itself (an A/B test).")  # fmt: skip
@click.option("--reset-counts", is_flag=True, help="Begin from zero; needs --reason.")
@click.option("--reason", metavar="TEXT", default="", help="Why; stands in the history.")
def start(*, candidate: str | None, share: float, reset_counts: bool, reason: str) -> None:
    """Score a challenger beside the champion; with --share it answers some requests, too.

    CANDIDATE is a version of fitted_pipeline, or its first digits; without one it is the current one. An experiment
    that goes on is replaced. Which requests the challenger answers is decided by a stable hash of the request's key:
    the header X-Assignment-Key, or else the API key, or else the caller's address.

    A share is refused to a candidate that the gate calls worse, or that breaks another criterion than the interval of
    the log-loss.

    Pairs and counts of earlier experiments of CANDIDATE beside this champion go on. What it failed for a reason that is
    not its own, such as a process that somebody killed, is left out from --reset-counts on: the gate counts by the new
    pairs once there are 100 patients, and by the earlier ones until then.
    """
    if reset_counts and not reason.strip():
        raise click.UsageError('--reset-counts needs --reason "...": the history must say why.')
    chosen, store, registry = decisions.prepare()
    case = registry_candidate.gather(store, candidate)
    champion = case.standing.manifest
    if champion is None:
        raise WdbcError("there is no champion to be beside", where=store.url, hint="Promote one: `wdbc promote`.")
    if case.is_champion:
        raise WdbcError(
            f"{case.recipe} {staleness.short(case.version)} is the champion itself",
            where=store.url,
            hint="Train a challenger (`wdbc run --recipe ...`), or name one: `wdbc shadow start CANDIDATE`.",
        )
    verdict = _verdict(case, share)
    draft = store.draft(
        paths.CHAMPION,
        case.bundle(),
        run_id=f"shadow-{uuid.uuid4()}",
        inputs={name: manifest.version for name, manifest in case.manifests.items()},
        code_version=specs.code_version(paths.CHAMPION),
    )
    experiment = Experiment(
        challenger=draft.manifest,
        recipe=case.recipe,
        against=champion.version,
        share=share,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        actor=chosen.acting_as(),
        reason=reason.strip(),
        series=registry_challenger.next_series(store, case.version, champion.version, reset=reset_counts),
    )
    decision = Decision(
        actor=experiment.actor,
        run_id=None,
        candidate=case.version,
        verdict=verdict.name if verdict else None,
        evidence=registry.keep_evidence(case.document(verdict)) if verdict else None,
        reason=": ".join(filter(None, (_terms(case.recipe, share, reset=reset_counts), experiment.reason))),
    )
    registry_challenger.start(store, registry, draft, experiment, decision)
    terminal.say(
        f"  {case.recipe} {staleness.short(case.version)} is beside {case.champion_recipe}"
        f" {staleness.short(champion.version)}: {_answers(share)}"
    )
    if verdict:
        terminal.say(f"  the gate says of it: {verdict.name}; {verdict.reason}")
    else:
        terminal.say(f"  the gate cannot judge it yet: `wdbc evaluate --recipe {case.recipe}`")
    terminal.say(f"  next: {terminal.command_name()} shadow status")


@shadow.command()
@click.option("--reason", metavar="TEXT", default="", help="Why; stands in the history.")
def stop(*, reason: str) -> None:
    """End the experiment: the champion alone is asked. What was paired stays.

    Exit codes: 0 no experiment goes on any more, whether one did or not.
    """
    chosen, store, registry = decisions.prepare()
    ended = registry_challenger.stop(
        store, registry, Decision(actor=chosen.acting_as(), run_id=None, reason=reason.strip())
    )
    if ended is None:
        terminal.say("  no experiment goes on: nothing to be done")
        return
    terminal.say(f"  stopped: {_stopped(ended)}; the champion alone is asked")
    if ended.earlier:
        terminal.say(f"  entry {ended.entry.number} of the history decided that; its command was killed before the end")


def _stopped(ended: registry_challenger.Ended) -> str:
    if ended.experiment:
        return f"{ended.experiment.recipe} {staleness.short(ended.experiment.candidate)} (fitted_pipeline)"
    candidate = ended.entry.candidate
    return (
        f"candidate {staleness.short(candidate)} (fitted_pipeline)"
        if candidate
        else "an experiment whose file is damaged"
    )


@shadow.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def status(*, as_json: bool) -> None:
    """Show the experiment that goes on, and how far challenger and champion agree so far."""
    _, store, registry = decisions.prepare()
    experiment = registry_challenger.current(store)
    found = None if experiment is None else described(store, registry, experiment)
    unfinished = registry.standing().history.unfinished
    if as_json:
        plain = {"store": store.url, "experiment": found, "unfinished": unfinished and unfinished.number}
        terminal.document(plain)
        return
    if found is None:
        terminal.say("  no experiment goes on; start one: wdbc shadow start [CANDIDATE]")
    else:
        _show(found)
    if unfinished is not None:
        terminal.say(
            f"  entry {unfinished.number} of the history ({unfinished.action}) was begun and not finished: the next"
            " decision finishes it"
        )


def described(store: Store, registry: Registry, experiment: Experiment) -> dict[str, Any]:
    """Return an experiment as plain values: its terms, what became of the patients, and the agreement."""
    standing = registry.standing()
    found = registry_challenger.read(store, experiment.candidate, experiment.against, series=experiment.series)
    goes_on = standing.version == experiment.against
    champion = standing.manifest if goes_on else registry.promoted(experiment.against)
    return {
        "challenger": {
            "recipe": experiment.recipe,
            "version": experiment.challenger.version,
            "candidate": experiment.candidate,
        },
        "champion": {"recipe": standing.recipe if goes_on else None, "version": experiment.against},
        "share": experiment.share,
        "since": experiment.at,
        "actor": experiment.actor,
        "reason": experiment.reason,
        "goes_on": goes_on,
        "series": found.series,
        "patients": {**found.counts, "waiting": found.waiting},
        "answered_by_challenger": found.answered,
        "unreadable": found.unreadable,
        "agreement": _agreement(store, experiment, found, champion) if found.pairs and champion else None,
    }


def _agreement(
    store: Store, experiment: Experiment, found: registry_challenger.Paired, champion: Manifest
) -> dict[str, Any]:
    import numpy as np

    from wdbc_assets.domain.promotion import agreement as promotion_agreement

    policies = [
        bundle_files.read(paths.POLICY, store.files(manifest).get(paths.POLICY))
        for manifest in (champion, experiment.challenger)
    ]
    return promotion_agreement.agreement(
        np.array([pair.champion for pair in found.pairs]),
        np.array([pair.challenger for pair in found.pairs]),
        champion_policy=policies[0],
        challenger_policy=policies[1],
    )


def _verdict(case: registry_candidate.Case, share: float) -> "Verdict | None":
    """Judge a candidate, and refuse it a share if that speaks against it; None if it was not judged and has none."""
    try:
        verdict = case.judge()
    except WdbcError:
        if share:
            raise
        return None
    if share and (verdict.broken or verdict.name == "worse"):
        broken = ", ".join(verdict.broken)
        decided = f"it breaks {broken}" if broken else "its log-loss is higher than the champion's"
        raise WdbcError(
            f"this candidate may not answer for patients: {decided}",
            where="the gate",
            hint="Try it without effect: leave out --share. See each criterion: `wdbc promote --dry-run`.",
        )
    return verdict


def _terms(recipe: str, share: float, *, reset: bool) -> str:
    return f"{recipe} {_answers(share)}" + (", counts from zero" if reset else "")


def _answers(share: float) -> str:
    return f"answers {100 * share:g} % of the requests" if share else "without effect on answers"


def _show(found: dict[str, Any]) -> None:
    challenger, champion = found["challenger"], found["champion"]
    name = terminal.style(challenger["recipe"], bold=True)
    terminal.say(f"\n  challenger {name} {staleness.short(challenger['candidate'])} (fitted_pipeline)")
    beside = f"{champion['recipe'] or 'champion'} {staleness.short(champion['version'])}"
    terminal.say(f"  beside {beside}, {_answers(found['share'])}")
    since = found["since"][:19].replace("T", " ")
    terminal.say(f"  since {since} UTC, by {found['actor']}" + (f": {found['reason']}" if found["reason"] else ""))
    if not found["goes_on"]:
        over = terminal.style("over", fg="yellow", bold=True)
        terminal.say(f"  {over}: another champion is in production; start it again, or `wdbc shadow stop`")
    counts = found["patients"]
    terminal.say(
        f"\n  patients: {counts['scored']:,} scored by both, {counts['failed']:,} without an answer of the challenger,"
        f" {counts['dropped']:,} left out (no time, or enough pairs); it answered {found['answered_by_challenger']:,}"
        " itself"
    )
    if counts["waiting"]:
        terminal.say(f"  {counts['waiting']:,} more are with the challenger, or were lost with a worker of the service")
    if found["series"] > 1:
        terminal.say(f"  counts were reset {found['series'] - 1} times: earlier pairs of this candidate are left out")
    if found["unreadable"]:
        terminal.say(
            terminal.style(f"  problem: {found['unreadable']} records of its pairs and counts cannot be read", fg="red")
        )
    if found["agreement"] is None:
        terminal.say("  nothing was paired yet: pairs come in within seconds of a request to `wdbc serve`")
    else:
        _show_agreement(found["agreement"])


def _show_agreement(agreement: dict[str, Any]) -> None:
    for what, label in (("same_decision", "same decision"), ("same_set", "same set")):
        one = agreement[what]
        terminal.say(f"  {label:<15} {one['value']:.4f} [{one['low']:.4f}, {one['high']:.4f}]")
    for before, others in agreement["decisions"].items():
        for after, patients in others.items():
            if patients and before != after:
                terminal.say(f"  {'':<15} {patients:,} {before} by the champion, {after} by the challenger")
    referred, difference = agreement["referred"], agreement["difference"]
    shares = f"{referred['champion']:.4f} by the champion, {referred['challenger']:.4f} by the challenger"
    terminal.say(f"  {'referred':<15} {shares}")
    change = f"{difference['mean']:+.4f} on average (challenger - champion), {difference['largest']:.4f} at most"
    terminal.say(f"  {'probability':<15} {change}")
