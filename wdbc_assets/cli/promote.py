"""`wdbc promote`: compare a candidate with the champion, and promote it if it passes the gate."""

import click

from wdbc_assets.cli import decisions, terminal
from wdbc_assets.domain import formatting
from wdbc_assets.orchestration import launch
from wdbc_assets.registry import audit_log
from wdbc_assets.registry import candidate as registry_candidate
from wdbc_assets.registry.registry import Registry
from wdbc_assets.store.store import NeverMade, Store


@click.command()
@click.argument("candidate", required=False, metavar="[CANDIDATE]")
@click.option("--dry-run", is_flag=True, help="Compare, and change nothing.")
@click.option(
    "--force", is_flag=True, help="Promote against the verdict. Recorded, and shown while this champion serves."
)
@click.option("--reason", metavar="TEXT", default="", help="Reason to record in the history.")
@click.pass_obj
def promote(debug: bool, /, *, candidate: str | None, dry_run: bool, force: bool, reason: str) -> None:  # noqa: FBT001 -- click passes it so
    """Compare a candidate with the champion on the same out-of-fold predictions, and promote it if it passes the gate.

    CANDIDATE is a version of fitted_pipeline, or its first digits; the default is the current version. Each criterion
    is shown with its interval and its requirement.

    Exit codes: 0 the candidate is in production (with --dry-run: it would be promoted), 3 any other verdict, 1 an
    error: nothing was decided.
    """
    if force and not reason.strip():
        raise click.UsageError('--force requires --reason "...": the reason is recorded in the history.')
    if force and dry_run:
        raise click.UsageError("--force and --dry-run cannot be combined: a dry run changes nothing.")
    _, store, registry = decisions.prepare()
    version = candidate and _resolve(store, candidate)
    if dry_run:
        code = _dry_run(store, version)
    else:
        code = _promote(store, registry, version, force=force, reason=reason, debug=debug)
    click.get_current_context().exit(code)


def _resolve(store: Store, candidate: str) -> str:
    """Return the full digest of a version, so that an unknown candidate is refused before a run starts."""
    return registry_candidate.gather(store, candidate).version


def _dry_run(store: Store, candidate: str | None) -> int:
    case = registry_candidate.gather(store, candidate)
    if case.is_champion:
        return _report_already_champion(case.recipe, case.version)
    verdict = case.compare()
    decisions.show_comparison(case.document(verdict))
    terminal.say("  nothing was changed: this was a dry run")
    return 0 if verdict.promoted else decisions.CHAMPION_STAYS


def _promote(store: Store, registry: Registry, candidate: str | None, *, force: bool, reason: str, debug: bool) -> int:
    config, _, _ = decisions.prepare()
    _require_evidence(store)
    case = registry_candidate.gather(store, candidate)
    if case.is_champion:
        return _report_already_champion(case.recipe, case.version)
    decision = {"promote": True, "force": force, "reason": reason} | ({"candidate": candidate} if candidate else {})
    run_id = launch.job(
        "promote", store, config, {}, reporter=terminal.Lines(), force=False, debug=debug, decision=decision
    )
    standing = registry.standing()
    own_entries = [entry for entry in standing.history.entries if entry.run_id == run_id]
    if not own_entries and registry_candidate.gather(store, candidate).is_champion:  # this run made the missing policy
        return _report_already_champion(case.recipe, case.version)
    # A decision that repeats an earlier one on the same evidence is not recorded again.
    entry = own_entries[-1] if own_entries else standing.history.entries[-1]
    if entry.evidence:
        decisions.show_comparison(registry.evidence(entry.evidence))
    if entry.action == audit_log.PROMOTED:
        forced = terminal.style(" by force, against the verdict", fg="red") if entry.forced else ""
        terminal.say(f"  promoted{forced}: {entry.recipe} {formatting.short(entry.after or '')} is in production")
        terminal.say(f"  next: {terminal.command_name()} champion, {terminal.command_name()} rollback --reason TEXT")
        return 0
    terminal.say(f"  the champion stays: {entry.recipe or 'none'} {formatting.short(entry.after or '-')}")
    terminal.say(f"  evidence kept: {formatting.short(entry.evidence or '')}")
    return decisions.CHAMPION_STAYS


def _require_evidence(store: Store) -> None:
    if store.current("cross_validation") is None:
        raise NeverMade(
            "no evidence exists for a decision: cross_validation has never been materialized",
            where=store.url,
            hint="Run `wdbc evaluate` first.",
        )


def _report_already_champion(recipe: str, version: str) -> int:
    terminal.say(f"  {recipe} {formatting.short(version)} is already in production: nothing to do")
    return 0
