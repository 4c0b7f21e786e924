"""Pictures of a search: every candidate lies at its C and score, and no search is too odd to be drawn."""

import math
from dataclasses import replace
from typing import Any

import pytest

from wdbc_assets.domain.modeling import fitting, search
from wdbc_assets.presentation import plots
from wdbc_assets_tests.presentation.plots.drawn import Drawn, is_sound
from wdbc_assets_tests.test_plots import LARGEST_MARKDOWN


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
        repeats=1,
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


def with_equal_scores() -> fitting.Fit:
    same = (replace(candidate(number + 1, 0.97, logistic__C=C), std_score=0.0) for number, C in enumerate((0.1, 10.0)))
    return searched(*same)


def many_models() -> fitting.Fit:
    """More kinds of model than there are colours, and a gamma that is a word with markup."""
    gammas: list[float | str] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, "<b>&scale"]
    combinations = [(C, gamma) for C in (0.1, 100.0) for gamma in gammas]
    return searched(
        *(
            candidate(number + 1, 1 - number / 50, svc__estimator__C=C, svc__estimator__gamma=gamma)
            for number, (C, gamma) in enumerate(combinations)
        )
    )


FITS = {
    "sixty candidates": sixty(),
    "one candidate": searched(candidate(1, 0.97, logistic__C=1.0)),
    "one candidate that is never wrong": searched(
        replace(candidate(1, 1.0, logistic__C=1.0), std_score=0.0, fold_scores=(1.0, 1.0))
    ),
    "no C searched": searched(candidate(2, 0.9, trees=10), candidate(1, 0.95, trees=100)),
    "equal scores": with_equal_scores(),
    "many models": many_models(),
    "a terrible log-loss": searched(
        candidate(1, -0.07, logistic__C=1.0), candidate(2, -16.0, logistic__C=1e-9), scoring="neg_log_loss"
    ),
}
DOTTED = {"stroke-dasharray": "1.6 2.4"}


@pytest.mark.parametrize("name", FITS)
def test_a_picture_is_sound_fits_into_the_ui_and_is_the_same_each_time(name: str) -> None:
    picture = plots.cv_curve(FITS[name])
    is_sound(picture)
    assert len(plots.as_markdown(picture, name)) < LARGEST_MARKDOWN / 4
    assert plots.cv_curve(FITS[name]) == picture


def test_the_curve_has_a_line_for_each_kind_of_model_and_a_ring_around_the_best() -> None:
    fit = sixty()
    drawn = Drawn(plots.cv_curve(fit))
    assert [text for text in drawn.texts if text.startswith("PCA")] == [
        "PCA to 90% of the variance",
        "PCA to 95% of the variance",
    ]
    lines = [line for line in drawn.lines(**{"stroke-width": "1.6"}) if len(line) == 5]
    assert len(lines) == 12
    assert len([line for line in drawn.lines(**DOTTED) if len(line) == 5]) == 6
    shown = sorted(drawn.y(y, "0.92", "0.98") for line in lines for _, y in line)
    assert shown == pytest.approx(sorted(one.mean_score for one in fit.candidates), abs=1e-4)
    # The models lie beside each other, the middle one at C itself.
    middle = [drawn.x(x, "0.01", "100", value=_log10) for x, _ in drawn.lines(stroke=plots.style.COLOURS[1])[0]]
    assert middle == pytest.approx([-2, -1, 0, 1, 2], abs=0.01)
    (ring,) = drawn.circles(stroke="black", fill="none")
    assert drawn.y(ring[1], "0.92", "0.98") == pytest.approx(fit.score, abs=1e-4)
    (whisker,) = drawn.lines(stroke="black")
    assert [drawn.y(y, "0.92", "0.98") for _, y in whisker] == pytest.approx([0.96, 0.98], abs=1e-4)
    assert [x for x, _ in whisker] == [ring[0]] * 2
    assert drawn.title == "Best of 60 candidates (ring): accuracy 0.9700, sd over the folds 0.0100"
    assert drawn.texts[-4:] == ["elastic net (0.5)", "lasso (l1)", "ridge (l2)", "no intercept"]


def _log10(label: str) -> float:
    return math.log10(float(label))


def test_log_loss_is_shown_as_people_know_it_above_zero() -> None:
    losses = candidate(1, -0.07, logistic__C=1.0), candidate(2, -0.2, logistic__C=0.1)
    drawn = Drawn(plots.cv_curve(searched(*losses, scoring="neg_log_loss")))
    (line, _) = drawn.lines(stroke=plots.style.BLUE)
    assert [drawn.y(y, "0.10", "0.20") for _, y in line] == pytest.approx([0.07, 0.2], abs=1e-3)
    assert "Log-loss (less is better), mean of 2 folds" in drawn.texts
    assert "log-loss 0.0700" in drawn.title


@pytest.mark.parametrize(
    ("fit", "title"),
    [
        (FITS["one candidate"], "The only candidate"),
        (searched(candidate(2, 0.9, trees=10), candidate(1, 0.97, trees=100)), "The best of 2 candidates"),
    ],
)
def test_where_c_was_not_searched_the_folds_of_the_best_are_shown(fit: fitting.Fit, title: str) -> None:
    drawn = Drawn(plots.cv_curve(fit))
    *folds, _ = drawn.circles(fill=plots.style.BLUE)
    assert [drawn.x(x, "1", "2") for x, _ in folds] == pytest.approx([1, 2])
    assert [drawn.y(y, "0.960", "0.980") for _, y in folds] == pytest.approx([0.96, 0.98], abs=1e-4)
    mean, _ = drawn.lines(stroke=plots.style.VERMILION)
    assert [drawn.y(y, "0.960", "0.980") for _, y in mean] == pytest.approx([0.97, 0.97], abs=1e-4)
    _, band = drawn.root.iter("rect")
    top, height = float(band.attrib["y"]), float(band.attrib["height"])
    assert [drawn.y(y, "0.960", "0.980") for y in (top + height, top)] == pytest.approx([0.96, 0.98], abs=1e-4)
    assert drawn.title == f"{title}, fold by fold"
    assert drawn.texts[-3:] == ["mean ± sd (0.0100)", "mean (0.9700)", "one fold"]
