"""The plots of the report page, each with its alternative text."""

import base64
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from wdbc_assets.domain.data import contract

Values = Mapping[str, Any]


def draw_all(values: Values) -> dict[str, dict[str, str]]:
    """Draw the plots of all available artifacts; each has `source`, a data URI, and `text`."""
    from wdbc_assets.presentation import plots

    drawn: dict[str, dict[str, str]] = {}

    def draw(name: str, artifact: str, text: str, picture: Callable[[Any], bytes]) -> None:
        if artifact in values:
            encoded = base64.b64encode(picture(values[artifact])).decode("ascii")
            drawn[name] = {"source": f"data:image/png;base64,{encoded}", "text": text}

    draw("exploration-separation", "exploration", "ROC-AUC of each measurement alone", plots.separation)
    draw("exploration-correlations", "exploration", "Correlations, in the order of their clusters", plots.correlations)
    for statistic in contract.STATISTICS:
        draw(f"exploration-{statistic}", "exploration", f"Distributions by class, {statistic} of each quantity",
             partial(plots.distributions, statistic=statistic))  # fmt: skip
    draw("search", "fitted_pipeline", "Cross-validation score of each candidate", plots.cv_curve)
    draw("confusion", "metrics", "Confusion matrix of the test set", plots.confusion_matrix)
    draw("roc", "metrics", "ROC curve of the test set", plots.roc_curve)
    draw("recipes", "cross_validation", "Log-loss and accuracy of each recipe, with intervals",
         lambda value: plots.recipes_compared(value.summary))  # fmt: skip
    draw("calibration", "cross_validation", "Reliability curve of each recipe, with intervals",
         lambda value: plots.reliability_curves(value.summary["calibration"]))  # fmt: skip
    draw("policy", "decision_policy", "Out-of-fold probabilities by class, threshold and referral band",
         plots.decision_bands)  # fmt: skip
    draw("importance", "importance", "Increase of the log-loss without each quantity", plots.importance_by_group)
    if values.get("importance", {}).get("linear"):
        draw("importance-typical", "importance", "Contributions of each column for a typical patient of each class",
             plots.typical_contributions)  # fmt: skip
    return drawn
