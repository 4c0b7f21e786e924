"""What all pictures share: colours, letters, size, and how a drawing becomes an image.

One style: Okabe and Ito's colours, which colour-blind readers can tell apart, and letters that are readable when the
picture is 480 pixels wide. A PNG is drawn on matplotlib's Figure alone, without pyplot and its global state; matplotlib
is imported when one is drawn.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Image:
    """A drawn picture: its media type, and the content of its file."""

    media_type: str
    content: bytes

    @property
    def source(self) -> str:
        """The image as a data URI, for pages that load nothing."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.content).decode('ascii')}"


def as_markdown(image: Image, alt: str) -> str:
    """Embed an image in markdown, with the text that stands for it where it can't be seen."""
    text = alt.replace("[", "(").replace("]", ")").replace("\n", " ")
    return f"![{text}]({image.source})"


def png(draw: Callable[[Figure], object], *, height: float, colours: int = 64) -> Image:
    """Draw on a figure of the common width, `height` inches high; gives a PNG with a palette of `colours`."""
    import matplotlib as mpl
    import PIL.Image
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        canvas: Any = FigureCanvasAgg(figure)
        draw(figure)
        canvas.draw()  # and not savefig, which draws twice to lay out once
    # Line drawings look the same in a palette of 64 colours, and take a quarter of the bytes.
    image = PIL.Image.frombuffer("RGBA", canvas.get_width_height(physical=True), canvas.buffer_rgba())
    sink = io.BytesIO()
    image.convert("RGB").quantize(colours).save(sink, "png", optimize=True)
    return Image("image/png", sink.getvalue())
