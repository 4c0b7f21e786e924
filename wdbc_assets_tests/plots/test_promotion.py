"""Picture of a judgement: where each difference lies, how far it may, and whether it holds."""

from typing import Any

import pytest
from matplotlib.figure import Figure

from wdbc_assets import plots
from wdbc_assets_tests.domain import evaluated
from wdbc_assets_tests.domain.test_promotion import judged
from wdbc_assets_tests.test_plots import LARGEST_MARKDOWN, xs


@pytest.fixture(scope="module")
def verdict() -> dict[str, Any]:
    good = evaluated.honest()
    return judged(good, evaluated.with_loss(good, 0.001)).to_plain()


def test_each_difference_lies_where_it_was_found_and_is_named(figure: Figure, verdict: dict[str, Any]) -> None:
    plots.differences(verdict)
    assert [axes.get_title() for axes in figure.axes] == [
        "log-loss (less is better): -0.0010, holds",
        "accuracy: +0.0000, holds",
        "specificity at a recall of .98: +0.0000, holds",
    ]
    places = [xs(axes.lines[-1])[0] for axes in figure.axes]
    assert places == pytest.approx([-0.001, 0, 0], abs=1e-9)
    assert figure.axes[-1].get_xlabel() == "svc minus logistic"


def test_the_picture_fits_into_the_ui_and_is_the_same_each_time(verdict: dict[str, Any]) -> None:
    png = plots.differences(verdict)
    assert len(plots.as_markdown(png, "text")) < LARGEST_MARKDOWN
    assert plots.differences(verdict) == png
