"""`wdbc promote --refit`: put the refit of the last retraining into production."""

from wdbc_assets.cli import decisions, terminal
from wdbc_assets.domain import formatting
from wdbc_assets.registry import policies, retraining


def promote_refit(reason: str, *, force: bool, dry_run: bool) -> decisions.Decided:
    """Promote the current refit if its comparison with the champion allows it.

    Raises:
        WdbcError: it was rolled back, and this is not forced.
    """
    config, store, registry = decisions.prepare()
    made = retraining.gather(store)
    standing = registry.standing()
    named = formatting.short(made.comparison.refit)
    if made.comparison.refit in standing.versions_of_model:
        terminal.say(f"  refit {named} is already in production: nothing to do")
        if standing.recalibrated is not None:
            terminal.say(f"  {policies.describe(standing.recalibrated)}")
        return decisions.Decided(passed=True)
    registry.require(made.comparison.champion)
    decisions.show_comparison(made.document)
    if lost := policies.lost(standing):
        terminal.say(terminal.style(f"  warning: {lost}", fg="yellow"))
    if made.verdict not in retraining.PASSING and not force:
        terminal.say(f"  the champion stays: {standing.recipe or 'none'} {formatting.short(standing.version)}")
        return decisions.Decided(passed=False, comparison=made.document)
    if not force:
        retraining.require_not_rolled_back(standing.history.entries, made.comparison.refit)
    if dry_run:
        terminal.say("  nothing was changed: this was a dry run")
        return decisions.Decided(passed=True, comparison=made.document)
    entry = retraining.promote(registry, made, actor=config.acting_as(), reason=reason.strip(), force=force)
    forced = terminal.style(" by force, against the verdict", fg="red") if entry.forced else ""
    terminal.say(f"  promoted{forced}: {entry.recipe} {formatting.short(entry.after)} is in production")
    terminal.say(f"  next: {terminal.command_name()} champion, {terminal.command_name()} rollback --reason TEXT")
    decisions.record_in_dagster(store, entry)
    return decisions.Decided(passed=True, comparison=made.document, entry=entry)
