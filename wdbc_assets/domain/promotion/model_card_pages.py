"""A model card as Markdown and as HTML; whatever comes from data or names is escaped."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wdbc_assets.domain.promotion.card_parts import CitedValue, ModelCard

_STYLE = """\
body { font: 16px/1.5 "DejaVu Sans", system-ui, sans-serif; color: #1a1a1a; max-width: 52rem }
body { margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem } caption { text-align: left; color: #555 }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top }
td.figure { font-variant-numeric: tabular-nums; white-space: nowrap } code { font-size: .9em; overflow-wrap: anywhere }
@media print { body { max-width: none; margin: 0; font-size: 10pt } section { break-inside: avoid } }"""


def cited_place(figure: CitedValue) -> str:
    """Name where a figure comes from: `metrics: accuracy`."""
    return f"{figure.artifact}: {'.'.join(figure.place)}"


def markdown(card: ModelCard) -> str:
    """Write a card down as Markdown."""
    lines = [f"# Model card: {_md(card.recipe)}"]
    for section in card.sections:
        lines += ["", f"## {section.title}", ""]
        lines += [sentence for sentence in section.sentences for sentence in (_md(sentence), "")]
        if section.values:
            lines += ["| figure | value | from |", "|---|---|---|"]
            lines += [f"| {_md(one.label)} | {_md(one.text)} | `{cited_place(one)}` |" for one in section.values]
    lines += ["", "## Made from", "", "| artifact | version |", "|---|---|"]
    lines += [f"| `{name}` | `{version}` |" for name, version in card.versions.items()]
    return "\n".join(lines) + "\n"


def html(card: ModelCard) -> str:
    """Write a card down as a page of its own that loads nothing and runs nothing."""
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
{html_sections(card, level=2)}
<section>
<h2>Made from</h2>
<table><thead><tr><th scope="col">artifact</th><th scope="col">version</th></tr></thead><tbody>
{versions}
</tbody></table>
</section>
</main>
</body>
</html>
"""


def html_sections(card: ModelCard, *, level: int) -> str:
    """Write a card's sections down as HTML, their headings at a level, to stand in a page."""
    parts = []
    for section in card.sections:
        parts.append(f"<section>\n<h{level}>{escape(section.title)}</h{level}>")
        parts += [f"<p>{_code(escape(sentence))}</p>" for sentence in section.sentences]
        if section.values:
            rows = "\n".join(
                f"<tr><th scope='row'>{escape(one.label)}</th><td class='figure'>{escape(one.text)}</td>"
                f"<td><code>{escape(cited_place(one))}</code></td></tr>"
                for one in section.values
            )
            heads = "".join(f'<th scope="col">{head}</th>' for head in ("figure", "value", "from"))
            parts.append(f"<table><thead><tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table>")
        parts.append("</section>")
    return "\n".join(parts)


def _code(escaped: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)


def _md(text: str) -> str:
    # Text of ours may mark code; nothing may open a tag or end a cell.
    return text.replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")
