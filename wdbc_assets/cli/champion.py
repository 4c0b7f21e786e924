"""`wdbc champion`: the model in production, its evidence, and the candidate that would replace it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import click

from wdbc_assets.cli import decisions, refer_all, terminal
from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.domain.promotion.gate import Verdict
from wdbc_assets.registry import candidate as registry_candidate
from wdbc_assets.registry import challenger, policies, referral
from wdbc_assets.registry.audit_log import PolicyVersion
from wdbc_assets.registry.experiment import Experiment
from wdbc_assets.registry.referral import Referral
from wdbc_assets.registry.registry import Registry
from wdbc_assets.registry.standings import Standing
from wdbc_assets.registry.verdicts import VerdictDocument
from wdbc_assets.store import parsing
from wdbc_assets.store.manifest import DamagedStore
from wdbc_assets.store.paths import SCORER
from wdbc_assets.store.store import Store


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def champion(*, as_json: bool) -> None:
    """Show the model in production, the evidence for it, and whether the current candidate would replace it.

    Rollback targets are verified as well.

    Exit codes: 0 the champion is intact, 1 there is no champion, or a problem was found.
    """
    _, store, registry = decisions.prepare()
    standing = registry.standing()
    candidate = _candidate(store)
    problems = registry.problems(standing, most=decisions.WAYS_BACK)
    experiment = None
    try:
        experiment = challenger.current(store)
        if experiment is not None and (damage := store.damage(experiment.challenger)):
            problems.append(f"the challenger under test is damaged: {damage}")
    except DamagedStore as error:
        problems.append(error.what)
    if as_json:
        ways = [asdict(way) for way in registry.ways_back(standing, most=decisions.WAYS_BACK)]
        plain = {"store": store.url, "champion": parsing.plain(in_production(registry, standing)), "problems": problems}
        terminal.document({**plain, "rollback": ways, "candidate": parsing.plain(candidate)})
    else:
        _show(registry, standing, experiment, problems)
        _show_candidate(standing, candidate)
    click.get_current_context().exit(int(standing.manifest is None or bool(problems)))


@dataclass(frozen=True, kw_only=True)
class InProduction:
    """The champion, who put it into production and why, and the comparison that it was promoted by, if it is intact.

    `policy` is its policy, if that was promoted by itself or is for another prevalence than that of the training set.
    `refers_everyone` tells that every patient is referred to a person, if so.
    """

    version: str
    recipe: str | None
    compiled: bool
    made_of: dict[str, str]
    since: str | None
    action: str | None
    actor: str | None
    run_id: str | None
    reason: str | None
    policy: PolicyVersion | None
    verdict: str | None
    forced: bool
    evidence: str | None
    comparison: VerdictDocument | None
    refers_everyone: Referral | None


@dataclass(frozen=True, kw_only=True)
class CandidateDescription:
    """The current candidate with its comparison, or why there is none.

    `champion_is_refit` tells that the champion is a refit of the candidate's recipe. The evidence of the refit compares
    two fits of one recipe; the evaluation cannot.
    """

    version: str | None = None
    recipe: str | None = None
    is_champion: bool = False
    champion_is_refit: bool = False
    comparison: VerdictDocument | None = None
    problems: str | None = None


def in_production(registry: Registry, standing: Standing) -> InProduction | None:
    """Return the champion, None if there is none."""
    manifest, entry, promotion = standing.manifest, standing.since, standing.promotion
    if manifest is None:
        return None
    return InProduction(
        version=manifest.version,
        recipe=standing.recipe,
        compiled=SCORER in manifest.files,
        made_of=dict(manifest.inputs),
        since=entry.at if entry else None,
        action=entry.action if entry else None,
        actor=entry.actor if entry else None,
        run_id=promotion.run_id if promotion else None,
        reason=entry.reason if entry else None,
        policy=standing.policy,
        verdict=promotion.verdict if promotion else None,
        forced=promotion is not None and promotion.forced,
        evidence=promotion.evidence if promotion else None,
        comparison=_comparison(registry, standing),
        refers_everyone=referral.current(standing.history),
    )


def _comparison(registry: Registry, standing: Standing) -> VerdictDocument | None:
    promotion = standing.promotion
    if promotion is None or promotion.evidence is None:
        return None
    try:
        return registry.evidence(promotion.evidence)
    except WdbcError:
        return None


def _candidate(store: Store) -> CandidateDescription:
    try:
        case = registry_candidate.gather(store)
        is_own_refit = case.champion_is_refit and case.recipe == case.champion_recipe and case.champion_is_unchanged
        document = None if case.is_champion or is_own_refit else case.document(case.compare())
    except WdbcError as error:
        return CandidateDescription(problems=f"{error.what}. {error.hint}")
    return CandidateDescription(
        version=case.version,
        recipe=case.recipe,
        is_champion=case.is_champion,
        champion_is_refit=is_own_refit,
        comparison=document,
    )


def _show(registry: Registry, standing: Standing, experiment: Experiment | None, problems: Sequence[str]) -> None:
    production = in_production(registry, standing)
    if production is None:
        terminal.say("\n  no champion: nothing is in production")
    else:
        engine = "the compiled scorer" if production.compiled else "scikit-learn (this recipe cannot be compiled)"
        name = terminal.style(production.recipe or "unknown", bold=True)
        terminal.say(f"\n  champion {name} {formatting.short(production.version)}, predicts with {engine}")
        if production.recipe is not None and production.recipe not in recipes.RECIPES:
            terminal.say(
                f"  the recipe {production.recipe} no longer exists: the champion serves, and cannot be fitted again"
            )
        if standing.since:
            decisions.show_standing(standing.since, standing.promotion)
        refer_all.show(referral.current(standing.history))
        if standing.recalibrated:
            terminal.say(f"  {policies.describe(standing.recalibrated)}")
        if production.comparison:
            _show_evidence(production.evidence or "", production.comparison.verdict)
        if experiment is not None and experiment.against == production.version:
            terminal.say(
                f"  challenger: {experiment.recipe} {formatting.short(experiment.candidate)}; see wdbc shadow status"
            )
    for problem in problems:
        terminal.say(terminal.style(f"  problem: {problem}", fg="red"))


def _show_evidence(digest: str, verdict: Verdict) -> None:
    against = f"against {verdict.champion}" if verdict.champion else "there was no champion before"
    terminal.say(f"  evidence {formatting.short(digest)}: {verdict.name}, {against}")
    for criterion in verdict.criteria:
        if criterion.low is not None:
            interval = f"{criterion.value:+.4f} [{criterion.low:+.4f}, {criterion.high:+.4f}]"
            terminal.say(f"    {criterion.name:<14} {interval:<28} {criterion.demand}")


def _show_candidate(standing: Standing, candidate: CandidateDescription) -> None:
    wdbc = terminal.command_name()
    if candidate.is_champion:
        terminal.say("\n  candidate: none; the current pipeline is the champion")
    elif candidate.champion_is_refit:
        terminal.say(
            "\n  candidate: none; the champion is a refit of the current pipeline's recipe on later patients, too"
        )
    elif candidate.comparison is None:
        terminal.say(f"\n  candidate: cannot be compared: {candidate.problems}")
    else:
        decisions.show_comparison(candidate.comparison)
        promoted = candidate.comparison.verdict.promoted
        terminal.say(
            f"  the candidate would replace the champion: {wdbc} promote"
            if promoted
            else "  the candidate would not replace the champion"
        )
    if standing.earlier:
        earlier = standing.earlier[0]
        terminal.say(
            f"  rollback target: {earlier.recipe} {formatting.short(earlier.after)}; {wdbc} rollback --reason TEXT"
        )
