"""What all pictures share: colours, letters, size, and how a drawing becomes a PNG.

One style: Okabe and Ito's colours, which colour-blind readers can tell apart, and letters that are readable when the
picture is 480 pixels wide. Drawn on matplotlib's Figure alone, without pyplot and its global state; matplotlib is
imported when a picture is drawn.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"  # Okabe and Ito (2008), but for the grey
COLOURS = (BLUE, VERMILION, GREEN, "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
_STYLE: Any = {
    "font.family": "DejaVu Sans",  # matplotlib ships it, so that pictures are the same everywhere
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "grid.color": "#DDDDDD",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "figure.dpi": 144,
}
_WIDTH = 5.0  # inches: 720 pixels, shown at 480 and sharp on screens of double density


def as_markdown(png: bytes, alt: str) -> str:
    """Embed a picture in markdown, with the text that stands for it where it can't be seen."""
    text = alt.replace("[", "(").replace("]", ")").replace("\n", " ")
    return f"![{text}](data:image/png;base64,{base64.b64encode(png).decode('ascii')})"


def png(draw: Callable[[Figure], object], *, height: float, colours: int = 64) -> bytes:
    """Draw on a figure of the common width, `height` inches high; gives a PNG with a palette of `colours`."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        canvas: Any = FigureCanvasAgg(figure)
        draw(figure)
        canvas.draw()  # and not savefig, which draws twice to lay out once
    # Line drawings look the same in a palette of 64 colours, and take a quarter of the bytes.
    image = Image.frombuffer("RGBA", canvas.get_width_height(physical=True), canvas.buffer_rgba())
    sink = io.BytesIO()
    image.convert("RGB").quantize(colours).save(sink, "png", optimize=True)
    return sink.getvalue()
