"""The lineage diagram of the report page, as accessible SVG."""

import itertools
from collections.abc import Mapping
from html import escape

from wdbc_assets.pipeline import specs as derivations

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 180, 52, 40, 20, 8


def lineage(standings: Mapping[str, tuple[str, str]]) -> str:
    """Return the lineage as SVG: a box with version and status for each asset, and an arrow from each input.

    Each asset is placed to the right of all its inputs, in a row such that no arrow crosses a box. The assets of
    incoming batches are left out: the page is about a model.
    """
    from markupsafe import Markup

    cells = _cells()
    places = {asset: _corner(*cell) for asset, cell in cells.items()}
    columns, rows = (max(numbers) + 1 for numbers in zip(*cells.values(), strict=True))
    width = 2 * _MARGIN + columns * (_WIDTH + _GAP_X) - _GAP_X
    height = 2 * _MARGIN + rows * (_HEIGHT + _GAP_Y) - _GAP_Y
    description = "; ".join(
        f"{asset} from {', '.join(derivation.inputs) or 'the source'}"
        for asset, derivation in derivations.MODEL.items()
    )
    arrows = [
        _arrow(places[source], places[asset])
        for asset, derivation in derivations.MODEL.items()
        for source in derivation.inputs
    ]
    boxes = [_box(asset, places[asset], *standings[asset]) for asset in places]
    svg = f"""\
<svg viewBox="0 0 {width} {height}" role="img" aria-labelledby="lineage-title lineage-text" class="lineage">
<title id="lineage-title">Lineage of the artifacts</title><desc id="lineage-text">{escape(description)}</desc>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0 8 4 0 8z"/></marker></defs>
{"".join(arrows)}
{"".join(boxes)}
</svg>"""
    return Markup(svg)  # noqa: S704 -- escaped above


def _corner(column: int, row: int) -> tuple[int, int]:
    return _MARGIN + column * (_WIDTH + _GAP_X), _MARGIN + row * (_HEIGHT + _GAP_Y)


def _cells() -> dict[str, tuple[int, int]]:
    """Return column and row of each asset; an arrow runs along the lower of its two rows, and there through no box."""
    cells: dict[str, tuple[int, int]] = {}
    passed: set[tuple[int, int]] = set()
    for asset, derivation in derivations.MODEL.items():  # inputs stand first
        sources = [cells[source] for source in derivation.inputs]
        column = max((x + 1 for x, _ in sources), default=0)
        taken = set(cells.values())
        for row in itertools.count():
            ways = {(x, max(row, source_row)) for from_x, source_row in sources for x in range(from_x + 1, column)}
            if (column, row) not in taken | passed and not ways & taken:
                break
        cells[asset] = (column, row)
        passed |= ways
    return cells


def _arrow(source: tuple[int, int], target: tuple[int, int]) -> str:
    x1, y1 = source[0] + _WIDTH, source[1] + _HEIGHT // 2
    x2, y2 = target[0], target[1] + _HEIGHT // 2
    half = _GAP_X // 2
    down = f"C{x1 + half} {y1} {x1 + half} {y2} {x1 + _GAP_X} {y2}H{x2}"
    up = f"H{x2 - _GAP_X}C{x2 - half} {y1} {x2 - half} {y2} {x2} {y2}"
    return f'<path class="arrow" marker-end="url(#head)" d="M{x1} {y1}{down if y2 > y1 else up}"/>\n'


def _box(asset: str, place: tuple[int, int], version: str, standing: str) -> str:
    x, y = place
    kind = standing.replace(" ", "-")
    return f"""\
<g class="{kind}"><rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="5"/>
<text x="{x + 10}" y="{y + 21}" class="name">{escape(asset)}</text>
<text x="{x + 10}" y="{y + 40}">{escape(version)} {escape("" if standing == "up to date" else standing)}</text></g>
"""
