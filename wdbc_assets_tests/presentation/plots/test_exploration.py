"""Pictures of an exploration: what they show is what was stored, and they fit into the UI."""

import io
from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from wdbc_assets.domain.data import contract, exploration
from wdbc_assets.presentation import plots
from wdbc_assets_tests.domain import validation
from wdbc_assets_tests.test_plots import LARGEST_MARKDOWN, words, xs, ys


@cache
def explored() -> exploration.Exploration:
    return exploration.explore(validation.clean_frame())


def explored_of_nothing() -> exploration.Exploration:
    random = np.random.default_rng(1)
    noise = {name: random.normal(size=60) for name in contract.FEATURES} | {"radius_mean": np.ones(60)}
    return exploration.explore(pd.DataFrame({"diagnosis": np.arange(60) % 2, **noise}))


PICTURES: dict[str, Callable[[], plots.Image]] = {
    "means": lambda: plots.distributions(explored(), "mean"),
    "standard errors": lambda: plots.distributions(explored(), "se"),
    "worst values": lambda: plots.distributions(explored(), "worst"),
    "correlations": lambda: plots.correlations(explored()),
    "correlations of what says nothing": lambda: plots.correlations(explored_of_nothing()),
    "separation": lambda: plots.separation(explored()),
    "separation of what says nothing": lambda: plots.separation(explored_of_nothing()),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_fits_into_the_ui_and_is_the_same_each_time(name: str) -> None:
    picture = PICTURES[name]()
    assert picture.media_type == "image/png"
    with Image.open(io.BytesIO(picture.content)) as image:
        assert image.format == "PNG"
        assert image.width == 720
    assert len(plots.as_markdown(picture, name)) < LARGEST_MARKDOWN / 2
    assert PICTURES[name]() == picture


def test_negative_correlations_keep_their_colour_in_the_palette() -> None:
    with Image.open(io.BytesIO(plots.correlations(explored()).content)) as image:
        pixels = np.asarray(image.convert("RGB"), dtype=int).reshape(-1, 3)
    for colour in (plots.style.BLUE, plots.style.VERMILION):  # r = -1 and r = 1
        assert np.abs(pixels - list(bytes.fromhex(colour[1:]))).max(axis=1).min() < 20


def test_each_panel_shows_the_stored_histogram_as_shares_of_its_class(figure: Figure) -> None:
    plots.distributions(explored(), "se")
    assert len(figure.axes) == len(contract.MEASUREMENTS)
    for axes, measurement in zip(figure.axes, contract.MEASUREMENTS, strict=True):
        one = explored().measurements[measurement.column("se")]
        steps = {str(patch.get_label()): patch.get_data() for patch in axes.patches}  # type: ignore[attr-defined]
        for name, of_class in (("benign", 357), ("malignant", 212)):
            shares, edges, _ = steps[name]
            assert tuple(edges.tolist()) == one.histogram.edges
            assert shares * of_class == pytest.approx(getattr(one.histogram, name))
        assert axes.get_title("right") == f"AUC {one.auc:.2f}"
    assert {"radius, px", "concave points", "benign", "malignant"} <= set(words(figure).splitlines())


def test_the_heat_map_is_the_stored_matrix_with_each_cluster_framed(figure: Figure) -> None:
    plots.correlations(explored())
    axes, correlation = figure.axes[0], explored().correlation
    assert np.asarray(axes.images[0].get_array()).tolist() == [list(row) for row in correlation.matrix]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(correlation.order)
    bold = [label.get_text() for label in axes.get_yticklabels() if label.get_fontweight() == "bold"]
    assert bold == [name for cluster in correlation.clusters for name in cluster]
    frames = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    framed = [correlation.order[round(frame.get_x() + 0.5) :][: round(frame.get_width())] for frame in frames]
    assert framed == list(correlation.clusters)


def test_the_measurements_are_ranked_by_what_they_separate_and_hollow_where_smaller_is_malignant(
    figure: Figure,
) -> None:
    plots.separation(explored())
    (axes,) = figure.axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    marks = {names[round(y)]: (x, line) for line in axes.get_lines() for x, y in zip(xs(line), ys(line), strict=True)}
    assert len(marks) == 30
    for name, (x, line) in marks.items():
        auc = explored().measurements[name].auc
        assert x == max(auc, 1 - auc)
        assert (line.get_markerfacecolor() == "white") is (auc < 0.5)
    assert names[-1] == "perimeter_worst"
    shown = [marks[name][0] for name in names]
    assert shown == sorted(shown)
