"""The lineage as a drawing: SVG that is text, so that it is sharp on paper and can be read aloud."""

from collections.abc import Mapping
from html import escape

from wdbc_assets import lineage as derivations

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 150, 52, 46, 20, 8


def lineage(standings: Mapping[str, tuple[str, str]]) -> str:
    """Draw each asset as a box with its version and how it stands, and an arrow from each input; returns SVG.

    Assets stand in columns: each one to the right of all its inputs.
    """
    from markupsafe import Markup

    columns = _columns()
    places = {
        asset: (_MARGIN + x * (_WIDTH + _GAP_X), _MARGIN + y * (_HEIGHT + _GAP_Y))
        for x, column in enumerate(columns)
        for y, asset in enumerate(column)
    }
    width = 2 * _MARGIN + len(columns) * (_WIDTH + _GAP_X) - _GAP_X
    height = 2 * _MARGIN + max(map(len, columns)) * (_HEIGHT + _GAP_Y) - _GAP_Y
    said = "; ".join(
        f"{asset} from {', '.join(derivation.inputs) or 'the source'}"
        for asset, derivation in derivations.DERIVATIONS.items()
    )
    arrows = [
        _arrow(places[source], places[asset])
        for asset, derivation in derivations.DERIVATIONS.items()
        for source in derivation.inputs
    ]
    boxes = [_box(asset, places[asset], *standings[asset]) for asset in places]
    svg = f"""\
<svg viewBox="0 0 {width} {height}" role="img" aria-labelledby="lineage-title lineage-text" class="lineage">
<title id="lineage-title">Lineage of the artifacts</title><desc id="lineage-text">{escape(said)}</desc>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0 8 4 0 8z"/></marker></defs>
{"".join(arrows)}
{"".join(boxes)}
</svg>"""
    return Markup(svg)  # noqa: S704 -- escaped above


def _columns() -> list[list[str]]:
    depth: dict[str, int] = {}
    for asset, derivation in derivations.DERIVATIONS.items():  # inputs stand first
        depth[asset] = max((depth[source] + 1 for source in derivation.inputs), default=0)
    return [[asset for asset, at in depth.items() if at == column] for column in range(max(depth.values()) + 1)]


def _arrow(source: tuple[int, int], target: tuple[int, int]) -> str:
    x1, y1 = source[0] + _WIDTH, source[1] + _HEIGHT // 2
    x2, y2 = target[0], target[1] + _HEIGHT // 2
    bend = _GAP_X * 3 // 4
    return f'<path class="arrow" marker-end="url(#head)" d="M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"/>\n'


def _box(asset: str, place: tuple[int, int], version: str, standing: str) -> str:
    x, y = place
    kind = standing.replace(" ", "-")
    return f"""\
<g class="{kind}"><rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="5"/>
<text x="{x + 10}" y="{y + 21}" class="name">{escape(asset)}</text>
<text x="{x + 10}" y="{y + 40}">{escape(version)} {escape("" if standing == "up to date" else standing)}</text></g>
"""
