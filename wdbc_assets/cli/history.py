"""`wdbc history`: the audit log of production, and whether it is intact."""

import click

from wdbc_assets.cli import decisions, terminal


@click.command("history")
@click.option("--json", "as_json", is_flag=True, help="Print complete entries as JSON.")
@click.option("--verify", is_flag=True, help="Also verify that each piece of evidence exists and is intact.")
def history_command(*, as_json: bool, verify: bool) -> None:
    """Show who promoted, rolled back or rejected which model, when, and why.

    Each entry contains the digest of the entry before it, so an altered, removed or inserted entry is reported.

    Exit codes: 0 the history is intact, 1 it is not.
    """
    _, store, registry = decisions.prepare()
    standing = registry.standing()
    history = standing.history
    problems = [*history.problems, *(registry.lost_evidence() if verify else ())]
    if as_json:
        plain = {"store": store.url, "entries": [entry.to_plain() for entry in history.entries], "problems": problems}
        terminal.document(plain)
    else:
        if not history.entries and not problems:
            terminal.say("  no decisions yet; `wdbc promote` promotes the first champion")
        for entry in history.entries:
            terminal.say(decisions.history_line(entry))
        if history.unfinished is not None:
            terminal.say(
                f"  entry {history.unfinished.number} was started and not finished: the next decision completes it"
            )
        if verify and not problems:
            terminal.say(f"\n  {len(history.entries)} entries, the chain is unbroken; all evidence is intact")
    for problem in problems:
        terminal.say(terminal.style(f"  problem: {problem}", fg="red"), err=as_json)
    click.get_current_context().exit(int(bool(problems)))
