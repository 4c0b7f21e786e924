"""Plot of a comparison: each difference, its bound, and whether the criterion is met."""

import pytest
from matplotlib.figure import Figure

from wdbc_assets.domain.promotion.gate import Verdict
from wdbc_assets.presentation import plots
from wdbc_assets_tests.domain import out_of_fold
from wdbc_assets_tests.domain.promotion.test_gate import verdict_on
from wdbc_assets_tests.test_plots import LARGEST_MARKDOWN, xs


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    good = out_of_fold.honest()
    return verdict_on(good, out_of_fold.with_loss(good, 0.001))


def test_each_difference_lies_where_it_was_found_and_is_named(figure: Figure, verdict: Verdict) -> None:
    plots.differences(verdict)
    log_loss, net_benefit = (axes.get_title() for axes in figure.axes)
    assert log_loss == "log-loss (less is better): -0.0010, met"
    assert net_benefit.startswith("net benefit (more is better): +0.000")
    places = [xs(axes.lines[-1])[0] for axes in figure.axes]
    assert places == pytest.approx([one.value for one in verdict.criteria[:2]], abs=1e-9)


def test_what_does_not_hold_says_so(figure: Figure) -> None:
    good = out_of_fold.honest()
    plots.differences(verdict_on(out_of_fold.with_loss(good, 0.02), good))
    assert figure.axes[0].get_title().endswith("+0.0200, not met")


def test_the_axis_says_what_was_subtracted_from_what(figure: Figure, verdict: Verdict) -> None:
    plots.differences(verdict)
    assert figure.axes[-1].get_xlabel() == "svc minus logistic"


def test_the_picture_fits_into_the_ui_and_is_the_same_each_time(verdict: Verdict) -> None:
    picture = plots.differences(verdict)
    assert len(plots.as_markdown(picture, "text")) < LARGEST_MARKDOWN
    assert plots.differences(verdict) == picture
