"""Write docs/data-dictionary.md from contract and rules: `python -m tools.data_dictionary`. A test keeps it current."""

from pathlib import Path

from wdbc_assets.domain.data import contract
from wdbc_assets.pipeline import specs, validation

PAGE = Path(__file__).resolve().parent.parent / "docs" / "data-dictionary.md"

_HEAD = """\
The columns of the data, and the rules that validate each asset. `python -m tools.data_dictionary` generates this page
from `domain/data/contract.py` and `domain/rules/groups.py`."""


def page() -> str:
    """Return the text of the page."""
    parts = [
        "# Data dictionary",
        _HEAD,
        "## The raw table",
        _columns(contract.COLUMNS),
        "## The clean frame",
        "`diagnosis` is 1 for malignant and 0 for benign. The column `id` is dropped. The measurements are the same.",
        *(_rules(asset) for asset in specs.ASSETS),
    ]
    return "\n\n".join(parts) + "\n"


def _columns(columns: tuple[contract.Column, ...]) -> str:
    lines = ["| column | type | unit | meaning | constraints |", "|---|---|---|---|---|"]
    lines += [
        f"| `{column.name}` | {column.dtype} | {column.unit} | {column.meaning} | {'; '.join(column.constraints)} |"
        for column in columns
    ]
    return "\n".join(lines)


def _rules(asset: str) -> str:
    lines = [f"## Rules of `{asset}`", "", "| rule | requirement | if it is broken |", "|---|---|---|"]
    lines += [
        f"| `{rule.name}` | {rule.description} | {'refused' if rule.blocking else 'warning'} |"
        for rule in validation.rules(asset)
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
