"""Write the table of settings in docs/serving.md: `python -m docs.serving`. A test keeps it current."""

from pathlib import Path

from wdbc_assets import settings

PAGE = Path(__file__).parent / "serving.md"

_BEGIN, _END = "<!-- by `python -m docs.serving`, from wdbc_assets/settings -->\n", "<!-- end -->\n"


def page(text: str) -> str:
    """Return the page with its table rewritten."""
    before, rest = text.split(_BEGIN)
    after = rest.split(_END)[1]
    rows = [
        f"| `{settings.variable(name)}` | `{field.default}` | {field.description} |"
        for name, field in settings.Serving.model_fields.items()
    ]
    return "\n".join([before + _BEGIN + "| variable | default | meaning |", "|---|---|---|", *rows, _END + after])


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
