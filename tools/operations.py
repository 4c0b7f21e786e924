"""Write the causes of alerts in docs/operations.md: `python -m tools.operations`. A test compares them."""

from pathlib import Path

from tools import markdown
from wdbc_assets.monitoring.alerts.causes import CAUSES

PAGE = Path(__file__).resolve().parent.parent / "docs" / "operations.md"

_BEGIN = "<!-- by `python -m tools.operations`, from wdbc_assets/monitoring/alerts/causes.py -->"
_COLUMNS = ("severity", "what it means", "what stays safe", "what to do")


def page(text: str) -> str:
    """Return the page with its causes rewritten."""
    blocks = (
        f"### {name}\n\n{markdown.table(_COLUMNS, [[cause.severity, cause.meaning, cause.safe, cause.action]])}"
        for name, cause in CAUSES.items()
    )
    return markdown.replaced(text, "\n\n".join(blocks), begin=_BEGIN, name=PAGE.name)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
