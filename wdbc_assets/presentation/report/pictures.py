"""The pictures of the page, each with the text that stands for it where it can't be seen."""

import base64
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from wdbc_assets.domain.data import contract

Values = Mapping[str, Any]


def draw_all(values: Values) -> dict[str, dict[str, str]]:
    """Draw every picture whose artifact there is; each is `{"source", "text"}`: a data URI, and what it shows."""
    from wdbc_assets.presentation import plots

    drawn: dict[str, dict[str, str]] = {}

    def draw(name: str, artifact: str, text: str, picture: Callable[[Any], bytes]) -> None:
        if artifact in values:
            encoded = base64.b64encode(picture(values[artifact])).decode("ascii")
            drawn[name] = {"source": f"data:image/png;base64,{encoded}", "text": text}

    draw("exploration-separation", "exploration", "How well each measurement alone parts the classes", plots.separation)
    draw("exploration-correlations", "exploration", "Correlations, in the order of their clusters", plots.correlations)
    for statistic in contract.STATISTICS:
        draw(f"exploration-{statistic}", "exploration", f"Distributions by class, {statistic} of each quantity",
             partial(plots.distributions, statistic=statistic))  # fmt: skip
    draw("search", "fitted_pipeline", "Cross-validation score of each candidate", plots.cv_curve)
    draw("confusion", "metrics", "Confusion matrix of the test part", plots.confusion_matrix)
    draw("roc", "metrics", "ROC curve of the test part", plots.roc_curve)
    draw("recipes", "cross_validation", "Log-loss and accuracy of each recipe, with intervals",
         lambda value: plots.recipes_compared(value.summary))  # fmt: skip
    draw("calibration", "cross_validation", "Reliability curve of each recipe, with intervals",
         lambda value: plots.reliability_curves(value.summary["calibration"]))  # fmt: skip
    draw("policy", "decision_policy", "Out-of-fold probabilities by class, threshold and referral band",
         plots.decision_bands)  # fmt: skip
    draw("importance", "importance", "Rise of the log-loss without each quantity", plots.importance_by_group)
    if values.get("importance", {}).get("linear"):
        draw("importance-typical", "importance", "What speaks for each diagnosis in a typical patient of each class",
             plots.typical_contributions)  # fmt: skip
    return drawn
