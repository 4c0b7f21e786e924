"""Pictures of the metrics: what they show is what was stored, and no result is too odd to be drawn."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from wdbc_assets.domain.evaluation import metrics
from wdbc_assets.domain.evaluation.metrics_result import Metrics
from wdbc_assets.presentation import plots
from wdbc_assets_tests import results
from wdbc_assets_tests.presentation.plots.drawn import Drawn, is_sound
from wdbc_assets_tests.test_plots import LARGEST_MARKDOWN

PICTURES: dict[str, Callable[[Metrics], plots.Image]] = {
    "confusion matrix": plots.confusion_matrix,
    "ROC curve": plots.roc_curve,
}
NOBODY = ((0, 0), (0, 0))  # no evaluation gives this; a picture of it may be empty, but must not fail


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize(
    "found",
    [
        results.measured(),
        metrics.evaluate([0, 0, 1], [0.1, 0.2, 0.9], bootstrap=100),  # an AUC of 1
        metrics.evaluate([0, 0, 1], [0.5, 0.5, 0.5], bootstrap=100),  # nobody is called malignant
        metrics.evaluate([0, 1], [1.0, 0.0], threshold=0, bootstrap=100),  # everything is wrong
        replace(results.measured(), confusion_matrix=NOBODY),
    ],
)
def test_a_picture_is_sound_fits_into_the_ui_and_is_the_same_each_time(name: str, found: Metrics) -> None:
    picture = PICTURES[name](found)
    is_sound(picture)
    assert len(plots.as_markdown(picture, name)) < LARGEST_MARKDOWN / 10
    assert PICTURES[name](found) == picture


def test_the_confusion_matrix_shows_each_count_and_says_what_was_missed() -> None:
    found = metrics.evaluate([0, 0, 0, 0, 1, 1], [0.1, 0.2, 0.3, 0.6, 0.4, 0.7], bootstrap=100)
    assert found.confusion_matrix == ((3, 1), (1, 1))
    drawn = Drawn(plots.confusion_matrix(found))
    assert drawn.title == "1 of 2 malignant missed, 1 of 4 benign called malignant"
    cells = [(text.attrib["x"], text.attrib["y"], text.text) for text in drawn.root.iter("text")][1:9]
    places = [cell[:2] for cell in cells[::2]]
    assert [int(x) for x, _ in places] == [150, 366, 150, 366]
    assert [int(y) for _, y in places] == [87, 87, 207, 207]  # benign above, as in scikit-learn's matrix
    assert [text for *_, text in cells[::2]] == ["3", "1", "1", "1"]
    assert [text for *_, text in cells[1::2]] == [
        "75.0% of the benign",
        "25.0% of the benign",
        "50.0% of the malignant",
        "50.0% of the malignant",
    ]
    shades = [rect.attrib["fill-opacity"] for rect in drawn.root.iter("rect") if "fill-opacity" in rect.attrib]
    assert shades == ["0.75", "0.25", "0.5", "0.5"]
    assert drawn.texts[-2] == "Prediction (malignant if its probability is above 0.5)"


def test_the_roc_curve_is_the_stored_one_and_marks_the_threshold_in_use() -> None:
    found = results.measured()
    drawn = Drawn(plots.roc_curve(found))
    curve, in_the_corner = drawn.lines(stroke=plots.style.BLUE)
    assert [drawn.x(x, "0.0", "1.0") for x, _ in curve] == pytest.approx(found.roc_curve.false_positive_rate, abs=1e-4)
    assert [drawn.y(y, "0.0", "1.0") for _, y in curve] == pytest.approx(found.roc_curve.true_positive_rate, abs=1e-4)
    chance, _ = drawn.lines(stroke=plots.style.GREY, **{"stroke-dasharray": "4 3"})
    assert [drawn.x(x, "0.0", "1.0") for x, _ in chance] == pytest.approx([0, 1])
    assert [drawn.y(y, "0.0", "1.0") for _, y in chance] == pytest.approx([0, 1])
    used, used_in_the_corner, _ = drawn.circles(fill=plots.style.VERMILION)
    assert (drawn.x(used[0], "0.0", "1.0"), drawn.y(used[1], "0.0", "1.0")) == pytest.approx((0.25, 0.75), abs=1e-4)
    assert drawn.title.startswith(f"ROC-AUC {found.roc_auc.value:.3f}, 95% interval {found.roc_auc.low:.3f} to ")
    assert {"at the threshold 0.5", "chance", "the upper left corner"} <= set(drawn.texts)
    # The same curve and point once more, on the larger scale of the corner.
    assert [drawn.x(x, "0.00", "0.20") for x, _ in in_the_corner] == pytest.approx(
        found.roc_curve.false_positive_rate, abs=1e-4
    )
    assert drawn.y(used_in_the_corner[1], "0.80", "1.00") == pytest.approx(0.75, abs=1e-4)
