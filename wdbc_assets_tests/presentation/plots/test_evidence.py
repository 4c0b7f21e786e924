"""Pictures of the evidence: calibration, decisions, importance; what they show is what was stored."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.evaluation import calibration, utility
from wdbc_assets.domain.evaluation.contributions import LEVELS
from wdbc_assets.domain.evaluation.decision_policy import DecisionPolicy, Histogram, Quantiles
from wdbc_assets.domain.evaluation.importance import CLUSTERS
from wdbc_assets.domain.evaluation.results import Calibration, DecisionCurve, Difference
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.presentation import plots
from wdbc_assets_tests import results
from wdbc_assets_tests.test_plots import LARGEST_MARKDOWN, words, xs, ys


def calibrated(*recipes: str) -> dict[str, Calibration]:
    random = np.random.default_rng(0)
    p = random.random(569) ** 3
    return {name: calibration.summary((random.random(569) < p).astype(int), p) for name in recipes}


def useful(*recipes: str) -> dict[str, DecisionCurve]:
    random = np.random.default_rng(0)
    p = random.random((2, 569)) ** 3
    return {name: utility.decision_curve((random.random(569) < p[0]).astype(int), p) for name in recipes}


def decided(**changes: Any) -> DecisionPolicy:
    histogram = Histogram(
        edges=(0.0, *(1 / (1 + np.exp(-x)) for x in np.arange(-7, 7.5, 0.5)), 1.0),
        benign=(150, *range(28, 0, -1), 0),
        malignant=(0, *range(1, 29), 90),
    )
    return results.policy(histogram=histogram, **{"threshold": 0.2, "quantiles": Quantiles(0.5, 0.9), **changes})


PICTURES: dict[str, Callable[[], plots.Image]] = {
    "calibration of one": lambda: plots.reliability_curves(calibrated("logistic")),
    "calibration of all": lambda: plots.reliability_curves(calibrated(*recipes.RECIPES)),
    "decision bands": lambda: plots.decision_bands(decided()),
    "decision curve of one": lambda: plots.decision_curves(useful("logistic")),
    "decision curves of three": lambda: plots.decision_curves(useful("logistic", "svc", "stacking")),
    "importance": lambda: plots.importance_by_group(results.importance()),
    "instability": lambda: plots.instability(results.stability().summary),
    "learning curve": lambda: plots.learning_curve(results.stability().summary),
    "contribution curves": lambda: plots.contribution_curves(results.importance()),
    "contributions": lambda: plots.typical_contributions(results.importance()),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_fits_into_the_ui_and_is_the_same_each_time(name: str) -> None:
    picture = PICTURES[name]()
    assert picture.media_type == "image/png"
    with Image.open(io.BytesIO(picture.content)) as image:
        assert image.format == "PNG"
        assert image.width == 720
    assert len(plots.as_markdown(picture, name)) < LARGEST_MARKDOWN
    assert PICTURES[name]() == picture


def test_calibration_has_a_panel_for_each_recipe_with_its_bins_and_hides_the_places_left(figure: Figure) -> None:
    found = calibrated("logistic", "svc", "stacking")
    plots.reliability_curves(found)
    curves = {axes.get_title(): axes for axes in figure.axes if axes.get_title()}
    assert list(curves) == [f"{name}, slope {evaluated.slope.mean:.2f}" for name, evaluated in found.items()]
    for axes, evaluated in zip(curves.values(), found.values(), strict=True):
        bins = [one for one in evaluated.bins if one.rows]
        diagonal, shares = axes.get_lines()
        assert (xs(diagonal), ys(diagonal)) == ([0, 1], [0, 1])
        assert xs(shares) == [one.mean_probability for one in bins]
        assert ys(shares) == [one.share for one in bins]
        (whiskers,) = axes.collections
        ends = [path.vertices for path in whiskers.get_paths()]
        assert [(end[0][1], end[1][1]) for end in np.asarray(ends)] == [(one.share_low, one.share_high) for one in bins]
    assert [axes.get_visible() for axes in figure.axes].count(False) == 2
    assert [text.get_text() for text in figure.axes[2].texts] == [f"{one.rows:.3g}" for one in found["logistic"].bins]


def test_decision_curves_have_a_panel_for_each_recipe_with_both_defaults(figure: Figure) -> None:
    found = useful("logistic", "svc", "stacking")
    plots.decision_curves(found)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == list(found)
    for axes, curve in zip(shown, found.values(), strict=True):
        model, treat_all, treat_none = axes.get_lines()
        assert (xs(model), ys(model)) == (list(curve.thresholds), list(curve.net_benefit))
        assert ys(treat_all) == list(curve.treat_all)
        assert ys(treat_none) == [0, 0]


@pytest.mark.parametrize(
    ("quantiles", "band"),
    [
        (Quantiles(0.5, 0.9), (-np.log(9), 0)),  # both classes possible between .1 and .5
        (Quantiles(0.1, 0.5), (-np.log(9), 0)),  # none possible there
        (Quantiles(1.0, 1.0), (-7.5, 7.5)),  # everybody referred
    ],
)
def test_the_lines_of_a_policy_lie_where_it_draws_them(
    figure: Figure, quantiles: Quantiles, band: tuple[float, float]
) -> None:
    plots.decision_bands(decided(quantiles=quantiles))
    benign, malignant = figure.axes
    assert benign.get_title() == f"{150 + sum(range(29))} benign patients of the training set"
    for axes in (benign, malignant):
        (threshold,) = axes.get_lines()
        assert xs(threshold) == pytest.approx([np.log(0.25)] * 2)
        referred = axes.patches[0].get_extents().transformed(axes.transData.inverted())
        assert (referred.x0, referred.x1) == pytest.approx(band, abs=1e-9)
    assert "referred (7.0% of these patients)" in words(figure)
    assert "threshold 0.200 (recall 0.98)" in words(figure)


def test_the_bars_of_importance_are_the_groups_with_the_largest_on_top(figure: Figure) -> None:
    found = results.importance()
    plots.importance_by_group(found)
    for axes, of in zip(figure.axes, ("permuted", "without"), strict=True):
        bars = [patch.get_width() for patch in axes.patches]  # type: ignore[attr-defined] # rectangles all
        assert bars[::-1] == [getattr(group, of).mean for group in found.groups]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels[::-1] == [cluster.replace("_", " ") for cluster in CLUSTERS]


def test_the_bands_of_instability_are_the_bins_and_count_their_patients(figure: Figure) -> None:
    summary = results.stability().summary
    plots.instability(summary)
    (axes,) = figure.axes
    (_, means) = axes.get_lines()
    assert xs(means) == ys(means) == [one.probability for one in summary.bins]
    assert {str(one.patients) for one in summary.bins} <= {text.get_text() for text in axes.texts}


def test_the_learning_curve_ends_at_zero_and_leaves_out_what_cannot_be_said(figure: Figure) -> None:
    summary = results.stability().summary
    nothing = Difference(mean=None, low=None, high=None)
    unknown = replace(summary.learning[0], log_loss=nothing, reason="too few")
    plots.learning_curve(replace(summary, learning=(unknown, *summary.learning[1:])))
    (axes,) = figure.axes
    (_, curve) = axes.get_lines()
    assert xs(curve) == [16, 24, 32]
    assert ys(curve) == pytest.approx([summary.learning[1].log_loss.mean, summary.learning[2].log_loss.mean, 0])


def test_the_curves_of_all_columns_are_drawn_from_their_medians(figure: Figure) -> None:
    plots.contribution_curves(results.importance())
    assert [axes.get_title() for axes in figure.axes] == [
        measurement.name.replace("_", "\n") for measurement in contract.MEASUREMENTS
    ]
    for axes in figure.axes:
        _, *curves = axes.get_lines()
        assert [curve.get_label() for curve in curves] == list(contract.STATISTICS)
        for curve in curves:
            assert xs(curve)[0] == 2.5
            assert ys(curve) == pytest.approx([level - 0.5 for level in LEVELS])


def test_the_contributions_of_typical_patients_are_all_shown_and_summed(figure: Figure) -> None:
    plots.typical_contributions(results.importance())
    (axes,) = figure.axes
    _, benign, malignant = axes.get_lines()
    assert ys(benign) == ys(malignant) == list(range(30))
    assert xs(malignant) == pytest.approx(sorted(number / 10 for number in range(30)))
    assert xs(benign) == [-x for x in xs(malignant)]
    assert benign.get_label() == "mean benign patient (sum -43.0)"
    assert malignant.get_label() == "mean malignant patient (sum +44.0)"
