"""What holds for all pictures: how they are embedded, and what drawing them imports; and how tests look into them."""

import base64
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from wdbc_assets.presentation import plots

ROOT = Path(__file__).resolve().parents[1]

LARGEST_MARKDOWN = 100_000  # characters; longer text makes Dagster's UI sluggish


@pytest.fixture
def figure(monkeypatch: pytest.MonkeyPatch) -> Figure:
    """The figure that the next picture is drawn on, to be looked into."""
    canvas = Figure()
    FigureCanvasAgg(canvas)

    def draw_only(draw: Callable[[Figure], object], *, height: float, colours: int = 64) -> plots.Image:
        draw(canvas)
        return plots.Image("image/png", b"")

    monkeypatch.setattr(plots.style, "png", draw_only)
    return canvas


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def xs(line: Line2D) -> list[float]:
    return [float(value) for value in np.asarray(line.get_xdata())]


def ys(line: Line2D) -> list[float]:
    return [float(value) for value in np.asarray(line.get_ydata())]


@pytest.mark.parametrize("media_type", ["image/png", "image/svg+xml"])
def test_markdown_carries_the_picture_and_an_alternative_text_that_cannot_end_it_early(media_type: str) -> None:
    markdown = plots.as_markdown(plots.Image(media_type, b"\x89PNG"), "matrix [[71, 1], [2, 40]](evil)\nnext")
    alt, _, encoded = markdown.removeprefix("![").partition(f"](data:{media_type};base64,")
    assert alt == "matrix ((71, 1), (2, 40))(evil) next"
    assert base64.b64decode(encoded.removesuffix(")")) == b"\x89PNG"


def test_importing_the_pictures_costs_no_matplotlib_and_drawing_needs_no_pyplot() -> None:
    code = (
        "import sys; from wdbc_assets.presentation import plots; before = 'matplotlib' in sys.modules;"
        "plots.style.png(lambda figure: None, height=1);"
        "print(before, 'matplotlib' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["False", "True", "False"]
