"""`wdbc promote`: compare a candidate with the champion, and promote it if it passes the gate."""

import contextlib

import click

from wdbc_assets.cli import decisions, recalibrate, terminal
from wdbc_assets.cli.promote_refit import promote_refit
from wdbc_assets.domain import formatting
from wdbc_assets.orchestration import launch
from wdbc_assets.registry import audit_log, challenger, policies, referral
from wdbc_assets.registry import candidate as registry_candidate
from wdbc_assets.registry.registry import Registry
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.store import NeverMade, Store


@click.command()
@click.argument("candidate", required=False, metavar="[CANDIDATE]")
@click.option(
    "--policy", metavar="VERSION", help="Promote another policy of the champion's model instead: see wdbc recalibrate."
)
@click.option("--refit", is_flag=True, help="Promote the refit of the last retraining instead: see wdbc retrain.")
@click.option("--dry-run", is_flag=True, help="Compare, and change nothing.")
@click.option(
    "--force",
    is_flag=True,
    help="Promote against the verdict, which is shown while this champion serves, or a refit after its rollback.",
)
@click.option("--reason", metavar="TEXT", default="", help="Reason to record in the history.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def promote(
    debug: bool,  # noqa: FBT001 -- click passes it so
    /,
    *,
    candidate: str | None,
    policy: str | None,
    refit: bool,
    dry_run: bool,
    force: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Compare a candidate with the champion on the same out-of-fold predictions, and promote it if it passes the gate.

    CANDIDATE is a version of fitted_pipeline, or its first digits; the default is the current version. Each criterion
    is shown with its interval and its requirement.

    With --policy, the champion gets another decision policy: a version of decision_policy, or its first digits, that
    belongs to its model. There is no comparison, because the log-loss of a recalibrated policy on the patients here is
    worse by construction. It requires --reason.

    With --refit, the refit of the last retraining replaces the champion that it was compared with, if the verdict of
    that comparison is better or not worse. After a rollback the same refit is promoted again only with --force.

    Exit codes: 0 the candidate is in production (with --dry-run: it would be promoted), 3 any other verdict, 1 an
    error: nothing was decided.
    """
    if force and not reason.strip():
        raise click.UsageError('--force requires --reason "...": the reason is recorded in the history.')
    if force and dry_run:
        raise click.UsageError("--force and --dry-run cannot be combined: a dry run changes nothing.")
    if refit and (candidate is not None or policy is not None):
        raise click.UsageError("--refit cannot be combined with CANDIDATE or --policy.")
    if policy is not None:
        _require_policy_alone(candidate, reason, force=force, dry_run=dry_run)
    _, store, registry = decisions.prepare()
    with terminal.only_json(on=as_json):
        if refit:
            decided = promote_refit(reason, force=force, dry_run=dry_run)
        elif policy is not None:
            decided = _promote_policy(policy, reason.strip(), dry_run=dry_run)
        else:
            version = candidate and _resolve(store, candidate)
            reporter = terminal.Lines(quiet=as_json)
            decided = (
                _dry_run(store, version)
                if dry_run
                else _promote(store, registry, version, force=force, reason=reason, reporter=reporter, debug=debug)
            )
    if as_json:
        terminal.document(decided.to_plain(registry.standing().version))
    click.get_current_context().exit(decided.code)


def _require_policy_alone(candidate: str | None, reason: str, *, force: bool, dry_run: bool) -> None:
    if candidate is not None or force:
        other = "--force" if force else "CANDIDATE"
        raise click.UsageError(
            f"--policy and {other} cannot be combined: a policy belongs to the champion, and no gate compares it."
        )
    if not dry_run and not reason.strip():
        raise click.UsageError('--policy requires --reason "...": the reason is recorded in the history.')


def _promote_policy(version: str, reason: str, *, dry_run: bool) -> decisions.Decided:
    config, store, registry = decisions.prepare()
    standing = registry.standing()
    made = policies.exchange(store, standing, version)
    named = formatting.short(made.policy.manifest.version)
    if made.policy.serves:
        terminal.say(f"  policy {named} is already in production: nothing to do")
        return decisions.Decided(passed=True)
    recalibrate.show(made.policy.value)
    if dry_run:
        terminal.say("  nothing was changed: this was a dry run")
        return decisions.Decided(passed=True)
    entry = policies.promote(registry, standing, made, actor=config.acting_as(), reason=reason)
    terminal.say(
        f"\n  promoted: {entry.recipe} {formatting.short(entry.after)} with the policy {named} is in production;"
        f" it replaces {formatting.short(entry.before)}"
    )
    with contextlib.suppress(DamagedStore):
        experiment = challenger.current(store)
        if experiment is not None and experiment.against == entry.before:
            terminal.say("  the experiment against that champion is over: `wdbc shadow start` starts another")
    terminal.say(f"  next: {terminal.command_name()} champion, {terminal.command_name()} rollback --reason TEXT")
    decisions.record_in_dagster(store, entry)
    return decisions.Decided(passed=True, entry=entry)


def _resolve(store: Store, candidate: str) -> str:
    """Return the full digest of a version, so that an unknown candidate is refused before a run starts."""
    return registry_candidate.gather(store, candidate).version


def _dry_run(store: Store, candidate: str | None) -> decisions.Decided:
    case = registry_candidate.gather(store, candidate)
    if case.is_champion:
        return _report_already_champion(case)
    verdict = case.compare()
    document = case.document(verdict)
    decisions.show_comparison(document)
    _show_evidence(case)
    if verdict.promoted:
        _warn(case)
    terminal.say("  nothing was changed: this was a dry run")
    return decisions.Decided(passed=verdict.promoted, comparison=document)


def _promote(
    store: Store,
    registry: Registry,
    candidate: str | None,
    *,
    force: bool,
    reason: str,
    reporter: terminal.Lines,
    debug: bool,
) -> decisions.Decided:
    config, _, _ = decisions.prepare()
    _require_evidence(store)
    case = registry_candidate.gather(store, candidate)
    if case.is_champion:
        return _report_already_champion(case)
    decision = {"promote": True, "force": force, "reason": reason} | ({"candidate": candidate} if candidate else {})
    run_id = launch.job("promote", store, config, {}, reporter=reporter, force=False, debug=debug, decision=decision)
    standing = registry.standing()
    own_entries = [entry for entry in standing.history.entries if entry.run_id == run_id]
    if not own_entries and registry_candidate.gather(store, candidate).is_champion:  # this run made the missing policy
        return _report_already_champion(case)
    # A decision that repeats an earlier one on the same evidence is not recorded again.
    entry = own_entries[-1] if own_entries else standing.history.entries[-1]
    document = registry.evidence(entry.evidence) if entry.evidence else None
    if document is not None:
        decisions.show_comparison(document)
        _show_evidence(case)
    if entry.action == audit_log.PROMOTED:
        forced = terminal.style(" by force, against the verdict", fg="red") if entry.forced else ""
        terminal.say(f"  promoted{forced}: {entry.recipe} {formatting.short(entry.after or '')} is in production")
        _warn(case)
        terminal.say(f"  next: {terminal.command_name()} champion, {terminal.command_name()} rollback --reason TEXT")
        return decisions.Decided(passed=True, comparison=document, entry=entry)
    terminal.say(f"  the champion stays: {entry.recipe or 'none'} {formatting.short(entry.after or '-')}")
    terminal.say(f"  evidence kept: {formatting.short(entry.evidence or '')}")
    return decisions.Decided(passed=False, comparison=document, entry=entry)


def _show_evidence(case: registry_candidate.Case) -> None:
    """Print whether the labelled patients were compared on, if they were evaluated."""
    if case.evidence.is_labelled:
        terminal.say("  compared on the labelled patients: the reference, and later ones whose diagnosis is known")
    elif case.evidence.unused:
        terminal.say(
            f"  the evaluation of the labelled patients does not count: {case.evidence.unused}; repeat it with"
            f" `{terminal.command_name()} evaluate --labelled`"
        )


def _warn(case: registry_candidate.Case) -> None:
    """Print what the promotion of another model ends."""
    before = case.standing
    fewer = (
        "the champion before it was fitted on labelled patients, too, and this one on the reference only:"
        f" `{terminal.command_name()} retrain --force` fits its recipe on all"
    )
    lost = (policies.lost(before), referral.ended(before.history), case.champion_is_refit and fewer)
    for warning in filter(None, lost):
        terminal.say(terminal.style(f"  warning: {warning}", fg="yellow"))


def _require_evidence(store: Store) -> None:
    if store.current("cross_validation") is None:
        raise NeverMade(
            "no evidence exists for a decision: cross_validation has never been materialized",
            where=store.url,
            hint="Run `wdbc evaluate` first.",
        )


def _report_already_champion(case: registry_candidate.Case) -> decisions.Decided:
    terminal.say(f"  {case.recipe} {formatting.short(case.version)} is already in production: nothing to do")
    if case.standing.recalibrated is not None:
        terminal.say(f"  {policies.describe(case.standing.recalibrated)}")
    return decisions.Decided(passed=True)
