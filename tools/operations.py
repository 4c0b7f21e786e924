"""Write the causes of alerts in docs/operations.md: `python -m tools.operations`. A test compares them."""

from collections.abc import Iterator
from pathlib import Path

from wdbc_assets.monitoring.alerts.causes import CAUSES

PAGE = Path(__file__).resolve().parent.parent / "docs" / "operations.md"

_BEGIN = "<!-- by `python -m tools.operations`, from wdbc_assets/monitoring/alerts/causes.py -->\n"
_END = "<!-- end -->\n"


def page(text: str) -> str:
    """Return the page with its causes rewritten."""
    before, rest = text.split(_BEGIN)
    return before + _BEGIN + "\n".join(_lines()) + "\n" + _END + rest.partition(_END)[2]


def _lines() -> Iterator[str]:
    for name, cause in CAUSES.items():
        yield f"### {name}\n"
        yield "| severity | what it means | what stays safe | what to do |"
        yield "|---|---|---|---|"
        yield f"| {cause.severity} | {cause.meaning} | {cause.safe} | {cause.action} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
