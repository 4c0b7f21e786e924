"""Building blocks of metadata: Markdown tables, decimals and plots."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import dagster as dg

from wdbc_assets.domain import formatting

if TYPE_CHECKING:
    from wdbc_assets.domain.evaluation.intervals import Interval
    from wdbc_assets.presentation import plots

Shown = dg.MetadataValue[Any] | str | float | None
Metadata = dict[str, Shown]
"""What Dagster's UI shows of a version: a value by label."""

DECIMALS = 4


def decimal(value: float | None) -> str:
    """Format a value to four decimals."""
    return formatting.number(value, f".{DECIMALS}f")


def interval(measure: "Interval") -> tuple[str, str, str]:
    """Format a value and the bounds of its interval, which are empty if the value has none."""
    if measure.value is None or measure.low is None:
        return decimal(measure.value), "", ""
    return decimal(measure.value), decimal(measure.low), decimal(measure.high)


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> dg.MarkdownMetadataValue:
    """Format rows as a Markdown table."""
    names = list(head)
    lines = [names, ["---"] * len(names), *([str(cell).replace("|", r"\|") for cell in row] for row in rows)]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(cells)} |" for cells in lines))


def picture(image: "plots.Image", alt: str) -> dg.MarkdownMetadataValue:
    """Show a plot with its alternative text."""
    from wdbc_assets.presentation import plots

    return dg.MetadataValue.md(plots.as_markdown(image, alt))
