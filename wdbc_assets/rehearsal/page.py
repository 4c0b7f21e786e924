"""The page of a rehearsal: one HTML file with a picture and tables, without scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wdbc_assets.presentation import report
from wdbc_assets.rehearsal import pictures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wdbc_assets.rehearsal.summary import RehearsalResult
    from wdbc_assets.rehearsal.year import Observed

_TEMPLATE = Path(__file__).with_name("page.html")


def write(path: Path, result: RehearsalResult, weeks: Sequence[Observed]) -> None:
    """Write the page."""
    path.write_bytes(report.render(_TEMPLATE, result=result, picture=pictures.year(result, weeks).source))
