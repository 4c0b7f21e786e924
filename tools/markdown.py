"""Markdown that the generators of the pages write: tables, and text between two comments of a page."""

from collections.abc import Sequence

END = "<!-- end -->"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])


def replaced(page: str, content: str, *, begin: str, name: str) -> str:
    """Return a page with the text between the comment `begin` and `END` replaced.

    Raises:
        SystemExit: the page lacks one of the comments. `name` is that of the page.
    """
    before, found, rest = page.partition(f"{begin}\n")
    _, end, after = rest.partition(f"\n{END}")
    if not (found and end):
        raise SystemExit(f"{name} lacks the comments that enclose the tables: {begin} and {END}")
    return f"{before}{begin}\n\n{content}\n\n{END}{after}"
