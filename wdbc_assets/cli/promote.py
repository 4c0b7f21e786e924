"""`wdbc promote`: a candidate judged against the champion, and put into production if the evidence says so."""

import click

from wdbc_assets.cli import decisions, terminal
from wdbc_assets.orchestration import launch
from wdbc_assets.pipeline import staleness
from wdbc_assets.registry import audit_log
from wdbc_assets.registry import candidate as registry_candidate
from wdbc_assets.registry.registry import Registry
from wdbc_assets.store.store import NeverMade, Store


@click.command()
@click.argument("candidate", required=False, metavar="[CANDIDATE]")
@click.option("--dry-run", is_flag=True, help="Judge, and change nothing.")
@click.option("--force", is_flag=True, help="Promote against the verdict; recorded, and shown for as long as it holds.")
@click.option("--reason", metavar="TEXT", default="", help="Why; stands in the history.")
@click.pass_obj
def promote(debug: bool, /, *, candidate: str | None, dry_run: bool, force: bool, reason: str) -> None:  # noqa: FBT001 -- click passes it so
    """Judge a candidate against the champion on the same out-of-fold predictions, and promote it if it wins.

    CANDIDATE is a version of fitted_pipeline, or its first digits; without one it is the current one. Each criterion is
    shown with its interval and what it needs.

    Exit codes: 0 the candidate is in production (with --dry-run: it would be promoted), 3 any other verdict, 1 an
    error: nothing was decided.
    """
    if force and not reason.strip():
        raise click.UsageError('--force needs --reason "...": whoever reads the history wants to know why.')
    if force and dry_run:
        raise click.UsageError("--force and --dry-run cannot be together: a dry run changes nothing.")
    _, store, registry = decisions.prepare()
    chosen_one = candidate and _found(store, candidate)
    if dry_run:
        code = _dry(store, chosen_one)
    else:
        code = _decided(store, registry, chosen_one, force=force, reason=reason, debug=debug)
    click.get_current_context().exit(code)


def _found(store: Store, candidate: str) -> str:
    """Return the whole digest of a version, so that a candidate is found or refused before a run begins."""
    return registry_candidate.gather(store, candidate).version


def _dry(store: Store, candidate: str | None) -> int:
    case = registry_candidate.gather(store, candidate)
    if case.is_champion:
        return _champion_already(case.recipe, case.version)
    verdict = case.judge()
    decisions.show_comparison(case.document(verdict))
    terminal.say("  nothing was changed: this was a dry run")
    return 0 if verdict.promoted else decisions.CHAMPION_STAYS


def _decided(store: Store, registry: Registry, candidate: str | None, *, force: bool, reason: str, debug: bool) -> int:
    chosen, _, _ = decisions.prepare()
    _require_evidence(store)
    case = registry_candidate.gather(store, candidate)
    if case.is_champion:
        return _champion_already(case.recipe, case.version)
    configuration = {"promote": True, "force": force, "reason": reason} | (
        {"candidate": candidate} if candidate else {}
    )
    run_id = launch.job(
        "promote", store, chosen, {}, reporter=terminal.Lines(), force=False, debug=debug, decision=configuration
    )
    standing = registry.standing()
    mine = [entry for entry in standing.history.entries if entry.run_id == run_id]
    if not mine and registry_candidate.gather(store, candidate).is_champion:  # this run made the policy that it lacked
        return _champion_already(case.recipe, case.version)
    # What was decided before on the same evidence is not noted again.
    entry = mine[-1] if mine else standing.history.entries[-1]
    if entry.evidence:
        decisions.show_comparison(registry.evidence(entry.evidence))
    if entry.action == audit_log.PROMOTED:
        forced = terminal.style(" by force, against the verdict", fg="red") if entry.forced else ""
        terminal.say(f"  promoted{forced}: {entry.recipe} {staleness.short(entry.after or '')} is in production")
        terminal.say(f"  next: {terminal.command_name()} champion, {terminal.command_name()} rollback --reason TEXT")
        return 0
    terminal.say(f"  the champion stays: {entry.recipe or 'none'} {staleness.short(entry.after or '-')}")
    terminal.say(f"  evidence kept: {staleness.short(entry.evidence or '')}")
    return decisions.CHAMPION_STAYS


def _require_evidence(store: Store) -> None:
    if store.current("cross_validation") is None:
        raise NeverMade(
            "there is no evidence to decide by: cross_validation has never been made",
            where=store.url,
            hint="Run `wdbc evaluate` first.",
        )


def _champion_already(recipe: str, version: str) -> int:
    terminal.say(f"  {recipe} {staleness.short(version)} is in production already: nothing to be done")
    return 0
