"""Writes docs/data-dictionary.md from the contract: `python -m docs.data_dictionary`. A test keeps it current."""

from pathlib import Path

from wdbc_assets.domain.data import contract
from wdbc_assets.pipeline.validation import RULES

PAGE = Path(__file__).parent / "data-dictionary.md"


def page() -> str:
    """Return the page as it should be."""
    parts = [
        "# Data dictionary",
        "Derived from `contract` and `rules` in `wdbc_assets/domain/` by `python -m docs.data_dictionary`.",
        "## The raw table",
        _columns(contract.COLUMNS),
        "## The clean frame",
        "`diagnosis` is 1 for malignant and 0 for benign; `id` is gone; the thirty measurements are those above.",
        *(_rules(asset) for asset in RULES),
    ]
    return "\n\n".join(parts) + "\n"


def _columns(columns: tuple[contract.Column, ...]) -> str:
    lines = ["| column | type | unit | meaning | each cell |", "|---|---|---|---|---|"]
    lines += [
        f"| `{one.name}` | {one.dtype} | {one.unit} | {one.meaning} | {'; '.join(one.constraints)} |" for one in columns
    ]
    return "\n".join(lines)


def _rules(asset: str) -> str:
    lines = [f"## Rules of `{asset}`", "", "| rule | demands | broken |", "|---|---|---|"]
    lines += [
        f"| `{rule.name}` | {rule.description} | {'refused' if rule.blocking else 'warning'} |" for rule in RULES[asset]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
