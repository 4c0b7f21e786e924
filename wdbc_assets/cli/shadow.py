"""`wdbc shadow`: experiments with a challenger in the running service, as a shadow or in an A/B test."""

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from wdbc_assets.cli import decisions, terminal
from wdbc_assets.cli import experiment as experiments
from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import code_versions
from wdbc_assets.registry import candidate as registry_candidate
from wdbc_assets.registry import challenger as registry_challenger
from wdbc_assets.registry import policies
from wdbc_assets.registry.decision_log import Decision
from wdbc_assets.registry.experiment import Experiment
from wdbc_assets.store import parsing, paths

if TYPE_CHECKING:
    from wdbc_assets.domain.promotion.gate import Verdict

_LARGEST_SHARE = 0.5


@click.group()
def shadow() -> None:
    """Run a challenger beside the champion on the requests of the service.

    Running services start the experiment within a second. Both models score each patient. Their probabilities are
    stored, without any measurement, and `wdbc promote` checks that the challenger scored reliably.
    """


@shadow.command()
@click.argument("candidate", required=False, metavar="[CANDIDATE]")
@click.option("--share", type=terminal.Number(0, _LARGEST_SHARE), default=0.0, show_default=True, metavar="FRACTION",
              help="Share of the requests that the challenger serves (an A/B test).")  # fmt: skip
@click.option("--reset-counts", is_flag=True, help="Restart the counts at zero; requires --reason.")
@click.option("--reason", metavar="TEXT", default="", help="Reason, recorded in the history.")
def start(*, candidate: str | None, share: float, reset_counts: bool, reason: str) -> None:
    """Start an experiment: score the champion's requests with a challenger, and serve a share of them if requested.

    CANDIDATE is a version of fitted_pipeline or a prefix of it; the default is the current version. A running
    experiment is replaced. A stable hash of the request's key decides which requests the challenger serves. The key is
    the header X-Assignment-Key, else the API key, else the client address.

    A candidate gets no share if the gate's verdict is "worse", or if it violates any criterion other than the
    log-loss interval.

    Pairs and counts of earlier experiments of CANDIDATE against this champion are continued. Use --reset-counts to
    exclude failures that the candidate did not cause, such as a killed process. The gate uses the new counts once they
    include 100 patients, and the earlier ones until then.
    """
    if reset_counts and not reason.strip():
        raise click.UsageError('--reset-counts requires --reason "...", which is recorded in the history.')
    options, store, registry = decisions.prepare()
    case = registry_candidate.gather(store, candidate)
    champion = case.standing.manifest
    if champion is None:
        raise WdbcError(
            "no champion to compare the challenger with", where=store.url, hint="Promote one: `wdbc promote`."
        )
    if case.is_champion:
        raise WdbcError(
            f"{case.recipe} {formatting.short(case.version)} is already the champion",
            where=store.url,
            hint="Train a challenger (`wdbc run --recipe ...`), or name one: `wdbc shadow start CANDIDATE`.",
        )
    _require_same_prevalence(case, share)
    verdict = _verdict(case, share)
    draft = store.draft(
        paths.CHAMPION,
        case.bundle(),
        run_id=f"shadow-{uuid.uuid4()}",
        inputs={name: manifest.version for name, manifest in case.manifests.items()},
        code_version=code_versions.code_version(paths.CHAMPION),
    )
    experiment = Experiment(
        challenger=draft.manifest,
        recipe=case.recipe,
        against=champion.version,
        share=share,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        actor=options.acting_as(),
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
        f"  started: {case.recipe} {formatting.short(case.version)} against {case.champion_recipe}"
        f" {formatting.short(champion.version)}, {experiments.mode(share)}"
    )
    if verdict:
        terminal.say(f"  the gate's verdict: {verdict.name}; {verdict.reason}")
    else:
        terminal.say(f"  the gate has no verdict yet; run `wdbc evaluate --recipe {case.recipe}`")
    terminal.say(f"  next: {terminal.command_name()} shadow status")


@shadow.command()
@click.option("--reason", metavar="TEXT", default="", help="Reason, recorded in the history.")
def stop(*, reason: str) -> None:
    """Stop the experiment; the champion serves all requests. Stored pairs are kept.

    Exit codes: 0 no experiment is running any more, even if none was.
    """
    options, store, registry = decisions.prepare()
    ended = registry_challenger.stop(
        store, registry, Decision(actor=options.acting_as(), run_id=None, reason=reason.strip())
    )
    if ended is None:
        terminal.say("  no experiment is running")
        return
    terminal.say(f"  stopped: {_stopped(ended)}; the champion serves all requests")
    if ended.earlier:
        terminal.say(
            f"  completed entry {ended.entry.number} of the history, whose command was killed before it finished"
        )


def _stopped(ended: registry_challenger.Ended) -> str:
    if ended.experiment:
        return f"{ended.experiment.recipe} {formatting.short(ended.experiment.candidate)} (fitted_pipeline)"
    candidate = ended.entry.candidate
    return (
        f"candidate {formatting.short(candidate)} (fitted_pipeline)"
        if candidate
        else "an experiment whose file is damaged"
    )


@shadow.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(*, as_json: bool) -> None:
    """Show the running experiment and the agreement of challenger and champion so far."""
    _, store, registry = decisions.prepare()
    experiment = registry_challenger.current(store)
    description = None if experiment is None else experiments.describe(store, registry, experiment)
    unfinished = registry.standing().history.unfinished
    if as_json:
        terminal.document(
            {
                "store": store.url,
                "experiment": parsing.plain(description),
                "unfinished": unfinished and unfinished.number,
            }
        )
        return
    if description is None:
        terminal.say("  no experiment is running; start one with `wdbc shadow start [CANDIDATE]`")
    else:
        experiments.show(description)
    if unfinished is not None:
        terminal.say(
            f"  entry {unfinished.number} of the history ({unfinished.action}) is incomplete; the next decision"
            " completes it"
        )


def _require_same_prevalence(case: registry_candidate.Case, share: float) -> None:
    """Raise WdbcError if the challenger would serve patients with probabilities for another prevalence."""
    if share and case.standing.recalibrated is not None:
        raise WdbcError(
            f"this candidate must not serve patients: of the champion, {policies.describe(case.standing.recalibrated)};"
            " a candidate's are for that of the training set",
            where="--share",
            hint="Leave out --share to run it as a shadow, or restore its own policy first: `wdbc rollback`.",
        )


def _verdict(case: registry_candidate.Case, share: float) -> "Verdict | None":
    """Return the gate's verdict on a candidate, or None if it was not evaluated and gets no share.

    Raises:
        WdbcError: The candidate was to get a share, but was not evaluated or the verdict forbids it.
    """
    try:
        verdict = case.compare()
    except WdbcError:
        if share:
            raise
        return None
    if share and (verdict.broken or verdict.name == "worse"):
        broken = ", ".join(verdict.broken)
        reason = f"it violates {broken}" if broken else "its log-loss is higher than the champion's"
        raise WdbcError(
            f"this candidate must not serve patients: {reason}",
            where="the gate",
            hint="Leave out --share to run it as a shadow. See all criteria with `wdbc promote --dry-run`.",
        )
    return verdict


def _terms(recipe: str, share: float, *, reset: bool) -> str:
    return f"{recipe} {experiments.mode(share)}" + (", counts reset" if reset else "")
