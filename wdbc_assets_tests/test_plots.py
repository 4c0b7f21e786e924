"""Pictures: what they show is what was computed, they fit into the UI, and they need no pyplot."""

import base64
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from PIL import Image

from wdbc_assets.domain.modeling import fitting, search
from wdbc_assets.presentation import plots
from wdbc_assets_tests import results

ROOT = Path(__file__).resolve().parents[1]

LARGEST_MARKDOWN = 100_000  # characters; longer text makes Dagster's UI sluggish


def candidate(rank: int, mean: float, **params: float | str) -> search.Candidate:
    return search.Candidate(
        params=params,
        mean_score=mean,
        std_score=0.01,
        fold_scores=(mean - 0.01, mean + 0.01),
        rank=rank,
        converged=True,
        n_iter=9,
    )


def searched(*candidates: search.Candidate, scoring: Any = "accuracy") -> fitting.Fit:
    best = next(one for one in candidates if one.rank == 1)
    return fitting.Fit(
        recipe="any",
        grid="full",
        scoring=scoring,
        folds=2,
        seed=42,
        pipeline=None,  # no picture looks at it
        winner=best.params,
        score=best.mean_score,
        candidates=candidates,
        fit_counts={},
        warnings=(),
    )


def sixty() -> fitting.Fit:
    """Every combination that pca_logistic tries, each with a score of its own."""
    combinations = [
        {"logistic__C": C, "logistic__fit_intercept": fit, "logistic__l1_ratio": ratio, "pca__n_components": share}
        for C in (0.01, 0.1, 1.0, 10.0, 100.0)
        for fit in (True, False)
        for ratio in (0.0, 0.5, 1.0)
        for share in (0.9, 0.95)
    ]
    return searched(
        *(candidate(number + 1, 0.97 - number / 1000, **params) for number, params in enumerate(combinations))
    )


PICTURES: dict[str, Callable[[], plots.Image]] = {
    "confusion matrix": lambda: plots.confusion_matrix(results.measured()),
    "ROC curve": lambda: plots.roc_curve(results.measured()),
    "sixty candidates": lambda: plots.cv_curve(sixty()),
    "one candidate": lambda: plots.cv_curve(searched(candidate(1, 0.97, logistic__C=1.0))),
    "no C searched": lambda: plots.cv_curve(searched(candidate(2, 0.9, trees=10), candidate(1, 0.95, trees=100))),
}


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


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_a_png_of_the_stated_width_and_fits_into_the_ui(name: str) -> None:
    picture = PICTURES[name]()
    with Image.open(io.BytesIO(picture.content)) as image:
        assert image.format == "PNG"
        assert image.width == 720
    assert len(picture.content) < 30_000
    assert len(plots.as_markdown(picture, name)) < LARGEST_MARKDOWN


@pytest.mark.parametrize("name", PICTURES)
def test_equal_figures_give_equal_bytes(name: str) -> None:
    assert PICTURES[name]() == PICTURES[name]()


def test_markdown_carries_the_picture_and_an_alternative_text_that_cannot_end_it_early() -> None:
    markdown = plots.as_markdown(plots.Image("image/png", b"\x89PNG"), "matrix [[71, 1], [2, 40]](evil)\nnext")
    alt, _, encoded = markdown.removeprefix("![").partition("](data:image/png;base64,")
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


def test_the_confusion_matrix_shows_each_count_and_says_what_was_missed(figure: Figure) -> None:
    found = results.measured()
    assert found.confusion_matrix == ((3, 1), (1, 3))
    plots.confusion_matrix(found)
    (axes,) = figure.axes
    counts = {(text.get_position()[0], round(text.get_position()[1])): text.get_text() for text in axes.texts[::2]}
    assert counts == {(0, 0): "3", (1, 0): "1", (0, 1): "1", (1, 1): "3"}
    assert axes.get_title() == "1 of 4 malignant missed, 1 of 4 benign called malignant"
    assert axes.yaxis_inverted()  # benign above, as in scikit-learn's matrix
    assert [label.get_text() for label in axes.get_yticklabels()] == ["benign", "malignant"]


def test_the_roc_curve_is_the_stored_one_and_marks_the_threshold_in_use(figure: Figure) -> None:
    found = results.measured()
    plots.roc_curve(found)
    curve, point, chance = figure.axes[0].get_lines()
    assert xs(curve) == list(found.roc_curve.false_positive_rate)
    assert ys(curve) == list(found.roc_curve.true_positive_rate)
    assert (xs(point), ys(point)) == ([0.25], [0.75])
    assert point.get_label() == "at the threshold 0.5"
    assert chance.get_label() == "chance"
    assert f"ROC-AUC {found.roc_auc.value:.3f}, 95% interval" in words(figure)


def test_the_curve_has_a_line_for_each_kind_of_model_and_a_ring_around_the_best(figure: Figure) -> None:
    fit = sixty()
    plots.cv_curve(fit)
    assert [axes.get_title() for axes in figure.axes] == ["PCA to 90% of the variance", "PCA to 95% of the variance"]
    lines = [line for axes in figure.axes for line in axes.get_lines() if len(xs(line)) == 5]
    shown = sorted(value for line in lines for value in ys(line))
    assert len(lines) == 12
    assert shown == sorted(one.mean_score for one in fit.candidates)
    (ring,) = (line for axes in figure.axes for line in axes.get_lines() if line.get_markerfacecolor() == "none")
    assert ys(ring) == [fit.score]
    assert "Best of 60 candidates (ring): accuracy 0.9700, sd over the folds 0.0100" in words(figure)
    legend = {text.get_text() for text in figure.legends[0].get_texts()}
    assert legend == {"ridge (l2)", "elastic net (0.5)", "lasso (l1)", "no intercept"}


def test_log_loss_is_shown_as_people_know_it_above_zero(figure: Figure) -> None:
    plots.cv_curve(
        searched(candidate(1, -0.07, logistic__C=1.0), candidate(2, -0.2, logistic__C=0.1), scoring="neg_log_loss")
    )
    (axes,) = figure.axes
    assert sorted(ys(axes.get_lines()[0])) == [0.07, 0.2]
    assert axes.get_ylabel() == "Log-loss (less is better), mean of 2 folds"
    assert "log-loss 0.0700" in words(figure)


@pytest.mark.parametrize(
    ("fit", "title"),
    [
        (searched(candidate(1, 0.97, logistic__C=1.0)), "The only candidate"),
        (searched(candidate(2, 0.9, trees=10), candidate(1, 0.97, trees=100)), "The best of 2 candidates"),
    ],
)
def test_where_c_was_not_searched_the_folds_of_the_best_are_shown(figure: Figure, fit: fitting.Fit, title: str) -> None:
    plots.cv_curve(fit)
    (axes,) = figure.axes
    mean, folds = axes.get_lines()
    assert ys(folds) == [0.96, 0.98]
    assert set(ys(mean)) == {0.97}
    assert axes.get_title() == f"{title}, fold by fold"
