"""Renders a model card as Markdown and as HTML. All text from data and names is escaped.

The stored files depend on the card alone. A page that knows the manifest of the fitted pipeline passes `recorded`: when
it was made, and by which code.
"""

from __future__ import annotations

import re
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING

from wdbc_assets.domain.promotion.card_parts import CODE, DATE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wdbc_assets.domain.promotion.card_parts import CitedValue, ModelCard

_STYLE = """\
body { font: 16px/1.5 "DejaVu Sans", system-ui, sans-serif; color: #1a1a1a; max-width: 52rem }
body { margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem } caption { text-align: left; color: #555 }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top }
td.value { font-variant-numeric: tabular-nums; white-space: nowrap } code { font-size: .9em; overflow-wrap: anywhere }
@media print { body { max-width: none; margin: 0; font-size: 10pt } section { break-inside: avoid } }"""


def cited_place(cited: CitedValue) -> str:
    """Return the source of a value, for example `metrics: accuracy`."""
    return f"{cited.artifact}: {'.'.join(cited.place)}"


def recorded(*, made_at: str, code_version: str, package: str) -> dict[str, str]:
    """Return the facts that a manifest of the fitted pipeline adds to the head of a card, by label.

    Args:
        made_at: When it was made, UTC in ISO 8601.
        code_version: The digest of the code that made it, the same in a checkout and an installed wheel.
        package: The version of the package that shows the card.
    """
    return {DATE: f"{made_at[:16].replace('T', ' ')} UTC", CODE: f"`{code_version}`, shown by wdbc_assets {package}"}


def markdown(card: ModelCard, recorded: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return a card as Markdown."""
    lines = [f"# Model card: {_md(card.recipe)}", "", "| | |", "|---|---|"]
    lines += [f"| {_md(fact.label)} | {_md(recorded.get(fact.label, fact.text))} |" for fact in card.head]
    for section in card.sections:
        lines += ["", f"## {section.title}", ""]
        lines += [sentence for sentence in section.sentences for sentence in (_md(sentence), "")]
        if section.values:
            lines += ["| quantity | value | source |", "|---|---|---|"]
            lines += [f"| {_md(row.label)} | {_md(row.text)} | `{cited_place(row)}` |" for row in section.values]
    lines += ["", "## Source artifacts", "", "| artifact | version |", "|---|---|"]
    lines += [f"| `{name}` | `{version}` |" for name, version in card.versions.items()]
    return "\n".join(lines) + "\n"


def html(card: ModelCard) -> str:
    """Return a card as a self-contained HTML page without scripts or external resources."""
    title = f"Model card: {escape(card.recipe)}"
    versions = "\n".join(
        f"<tr><th scope='row'><code>{escape(name)}</code></th><td><code>{escape(version)}</code></td></tr>"
        for name, version in card.versions.items()
    )
    return f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{_STYLE}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{html_head(card)}
{html_sections(card, level=2)}
<section>
<h2>Source artifacts</h2>
<table><thead><tr><th scope="col">artifact</th><th scope="col">version</th></tr></thead><tbody>
{versions}
</tbody></table>
</section>
</main>
</body>
</html>
"""


def html_head(card: ModelCard, recorded: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return the head of a card as an HTML table."""
    texts = ((fact.label, recorded.get(fact.label, fact.text)) for fact in card.head)
    rows = "\n".join(
        f"<tr><th scope='row'>{escape(label)}</th><td>{_code(escape(text))}</td></tr>" for label, text in texts
    )
    return f'<table class="head"><tbody>\n{rows}\n</tbody></table>'


def html_sections(card: ModelCard, *, level: int) -> str:
    """Return the sections of a card as HTML for embedding in a page, with headings of the given level."""
    parts = []
    for section in card.sections:
        parts.append(f"<section>\n<h{level}>{escape(section.title)}</h{level}>")
        parts += [f"<p>{_code(escape(sentence))}</p>" for sentence in section.sentences]
        if section.values:
            rows = "\n".join(
                f"<tr><th scope='row'>{escape(row.label)}</th><td class='value'>{escape(row.text)}</td>"
                f"<td><code>{escape(cited_place(row))}</code></td></tr>"
                for row in section.values
            )
            heads = "".join(f'<th scope="col">{head}</th>' for head in ("quantity", "value", "source"))
            parts.append(f"<table><thead><tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table>")
        parts.append("</section>")
    return "\n".join(parts)


def _code(escaped: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)


def _md(text: str) -> str:
    # Backticks may mark code, but nothing may open a tag or end a table cell.
    return text.replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")
