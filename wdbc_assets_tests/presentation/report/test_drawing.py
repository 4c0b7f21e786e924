"""The drawing of the lineage: every asset and arrow, and no arrow through a box."""

import re
import xml.etree.ElementTree as ET

from wdbc_assets.pipeline import specs
from wdbc_assets.presentation.report import drawing

STANDINGS = {asset: (f"digest{number}", "up to date") for number, asset in enumerate(specs.MODEL)}


def boxes(svg: str) -> dict[str, tuple[float, float, float, float]]:
    found = re.finditer(
        r'<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)" rx="5"/>\s*<text[^>]*class="name">([^<]+)<', svg
    )
    return {one[5]: (float(one[1]), float(one[2]), float(one[3]), float(one[4])) for one in found}


def points(path: str) -> list[tuple[float, float]]:
    """Points along a drawn arrow, close enough that none skips a box."""
    x, y = map(float, re.match(r"M(\S+) (\S+?)[CH]", path).groups())  # type: ignore[union-attr]
    found = [(x, y)]
    for kind, numbers in re.findall(r"([CH])([^CH]+)", path.partition("M")[2].lstrip("0123456789. ")):
        values = [float(number) for number in numbers.split()]
        if kind == "H":
            found += [(x + (values[0] - x) * step / 50, y) for step in range(51)]
            x = values[0]
        else:
            (a, b), (c, d), (e, f) = (values[0:2], values[2:4], values[4:6])
            for step in range(51):
                t = step / 50
                weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
                found.append(
                    (
                        sum(w * v for w, v in zip(weights, (x, a, c, e), strict=True)),
                        sum(w * v for w, v in zip(weights, (y, b, d, f), strict=True)),
                    )
                )
            x, y = e, f
    return found


def test_every_asset_has_a_box_of_its_own_with_its_version() -> None:
    svg = drawing.lineage(STANDINGS)
    drawn = boxes(svg)
    assert set(drawn) == set(specs.MODEL)
    assert len({place[:2] for place in drawn.values()}) == len(drawn)
    assert all(version in svg for version, _ in STANDINGS.values())


def test_every_arrow_leads_from_an_input_to_its_asset_and_passes_no_other_box() -> None:
    svg = drawing.lineage(STANDINGS)
    drawn = boxes(svg)
    ends = set()
    for path in re.findall(r'class="arrow" marker-end="url\(#head\)" d="([^"]+)"', svg):
        way = points(path)
        source = next(name for name, (x, y, w, h) in drawn.items() if way[0] == (x + w, y + h // 2))
        target = next(name for name, (x, y, w, h) in drawn.items() if way[-1] == (x, y + h // 2))
        ends.add((source, target))
        for name, (x, y, w, h) in drawn.items():
            if name not in (source, target):
                assert not any(x < px < x + w and y < py < y + h for px, py in way), (
                    f"{source} -> {target} passes {name}"
                )
    assert ends == {(source, asset) for asset, one in specs.MODEL.items() for source in one.inputs}


def test_an_asset_is_never_left_of_its_inputs() -> None:
    drawn = boxes(drawing.lineage(STANDINGS))
    assert all(drawn[asset][0] > drawn[source][0] for asset, one in specs.MODEL.items() for source in one.inputs)


def test_how_an_asset_stands_is_reported_in_words_and_the_drawing_in_text() -> None:
    svg = str(drawing.lineage(STANDINGS | {"metrics": ("-", "never made")}))
    assert "never made" in svg
    root = ET.fromstring(svg)
    assert root.attrib["role"] == "img"
    described = root.findtext("desc") or root.findtext("{http://www.w3.org/2000/svg}desc") or ""
    assert "clean_frame from raw_data" in described
