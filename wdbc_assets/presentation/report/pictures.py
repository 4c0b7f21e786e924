"""The plots of the report page, by asset. `pipeline.specs` names the function that draws each asset's plots."""

import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.data import contract
from wdbc_assets.pipeline import specs

if TYPE_CHECKING:
    from wdbc_assets.domain.data.exploration import Exploration
    from wdbc_assets.domain.evaluation.comparison import CrossValidation
    from wdbc_assets.domain.evaluation.decision_policy import DecisionPolicy
    from wdbc_assets.domain.evaluation.importance import Importance
    from wdbc_assets.domain.evaluation.metrics_result import Metrics
    from wdbc_assets.domain.evaluation.stability import Stability
    from wdbc_assets.domain.modeling import fitting
    from wdbc_assets.presentation import plots


@dataclass(frozen=True)
class Picture:
    """A plot: its name on the page, its alternative text, and the image."""

    name: str
    text: str
    image: "plots.Image"


def draw_all(values: Mapping[str, Any]) -> dict[str, Picture]:
    """Draw the plots of all available assets, by name."""
    drawn = (
        picture
        for asset, value in values.items()
        if (path := specs.ASSETS[asset].plots)
        for picture in pkgutil.resolve_name(path)(value)
    )
    return {picture.name: picture for picture in drawn}


def exploration(value: "Exploration") -> Iterator[Picture]:
    """Draw the exploration."""
    from wdbc_assets.presentation import plots

    yield Picture("exploration-separation", "ROC-AUC of each measurement alone", plots.separation(value))
    yield Picture("exploration-correlations", "Correlations, in the order of their clusters", plots.correlations(value))
    for statistic in contract.STATISTICS:
        text = f"Distributions by class, {statistic} of each quantity"
        yield Picture(f"exploration-{statistic}", text, plots.distributions(value, statistic=statistic))


def search(value: "fitting.Fit") -> Iterator[Picture]:
    """Draw the search of the fitted pipeline."""
    from wdbc_assets.presentation import plots

    yield Picture("search", "Cross-validation score of each candidate", plots.cv_curve(value))


def metrics(value: "Metrics") -> Iterator[Picture]:
    """Draw the metrics."""
    from wdbc_assets.presentation import plots

    yield Picture("confusion", "Confusion matrix of the test set", plots.confusion_matrix(value))
    yield Picture("roc", "ROC curve of the test set", plots.roc_curve(value))


def cross_validation(value: "CrossValidation") -> Iterator[Picture]:
    """Draw the repeated cross-validation."""
    from wdbc_assets.presentation import plots

    recipes = plots.recipes_compared(value.summary)
    yield Picture("recipes", "Log-loss and accuracy of each recipe, with intervals", recipes)
    calibration = plots.reliability_curves(value.summary.calibration)
    yield Picture("calibration", "Reliability curve of each recipe, with intervals", calibration)
    curves = plots.decision_curves(value.summary.decision_curves)
    yield Picture("decision-curves", "Net benefit of each recipe by threshold, with bands", curves)


def decision_policy(value: "DecisionPolicy") -> Iterator[Picture]:
    """Draw the decision policy."""
    from wdbc_assets.presentation import plots

    text = "Out-of-fold probabilities by class, threshold and referral band"
    yield Picture("policy", text, plots.decision_bands(value))


def stability(value: "Stability") -> Iterator[Picture]:
    """Draw the instability of the predictions, and the learning curve."""
    from wdbc_assets.presentation import plots

    text = "The central 95 % of the probabilities that refits give, by original probability"
    yield Picture("stability-predictions", text, plots.instability(value.summary))
    text = "Log-loss above that of the largest training set, by its size, with intervals"
    yield Picture("stability-learning", text, plots.learning_curve(value.summary))


def importance(value: "Importance") -> Iterator[Picture]:
    """Draw the importance and, for a linear recipe, the contributions."""
    from wdbc_assets.presentation import plots

    yield Picture(
        "importance", "Increase of the log-loss without each cluster, with intervals", plots.importance_by_group(value)
    )
    if value.linear is not None:
        text = "What each value of a measurement adds to the log-odds of malignant, as curves"
        yield Picture("importance-curves", text, plots.contribution_curves(value))
        text = "Contributions of each column for a typical patient of each class"
        yield Picture("importance-typical", text, plots.typical_contributions(value))
