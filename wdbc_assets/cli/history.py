"""`wdbc history`: every decision about what is in production, and whether any was altered or removed."""

import click

from wdbc_assets.cli import decisions, terminal


@click.command("history")
@click.option("--json", "as_json", is_flag=True, help="For machines: each entry whole.")
@click.option("--verify", is_flag=True, help="Look whether each piece of evidence is there and whole, too.")
def history_command(*, as_json: bool, verify: bool) -> None:
    """Show who put what into production, when, and why; refusals of candidates too.

    Each entry carries the digest of the one before it: one that was altered, removed or put in between is named.

    Exit codes: 0 all is as it was written, 1 something is not.
    """
    _, store, registry = decisions.prepare()
    standing = registry.standing()
    found = standing.history
    problems = [*found.faults, *(registry.lost_evidence() if verify else ())]
    if as_json:
        plain = {"store": store.url, "entries": [entry.to_plain() for entry in found.entries], "problems": problems}
        terminal.document(plain)
    else:
        if not found.entries:
            terminal.say("  no decision yet; the first champion comes by `wdbc promote`")
        for entry in found.entries:
            terminal.say(decisions.history_line(entry))
        if found.unfinished is not None:
            terminal.say(f"  entry {found.unfinished.number} was begun and not finished: the next decision finishes it")
        if verify and not problems:
            terminal.say(f"\n  {len(found.entries)} entries, each follows the one before it; all evidence is whole")
    for fault in problems:
        terminal.say(terminal.style(f"  problem: {fault}", fg="red"), err=as_json)
    click.get_current_context().exit(int(bool(problems)))
