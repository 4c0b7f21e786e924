"""What descriptions are made of: tables in markdown, decimals, pictures, and how progress is told."""

from collections.abc import Iterable
from typing import Protocol

import dagster as dg

DECIMALS = 4


class Report(Protocol):
    """How an asset tells its progress: a message and, if they can be counted, how many of how many are done."""

    def __call__(self, message: str, done: int | None = None, total: int | None = None) -> None:
        """Tell it."""


def decimal(value: float | None) -> str:
    """Show a figure to four decimals."""
    return "n/a" if value is None else f"{value:.{DECIMALS}f}"


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> dg.MarkdownMetadataValue:
    """Show rows as a table."""
    names = list(head)
    lines = [names, ["---"] * len(names), *([str(cell) for cell in row] for row in rows)]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(cells)} |" for cells in lines))


def picture(png: bytes, alt: str) -> dg.MarkdownMetadataValue:
    """Show a picture, with the text that stands for it where it can't be seen."""
    from wdbc_assets.presentation import plots

    return dg.MetadataValue.md(plots.as_markdown(png, alt))
