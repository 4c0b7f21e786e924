"""Plots of results: one module per subject, and `style` for what they share.

Those of the main job are SVG, drawn by `svg`; the others are PNG, drawn by matplotlib. Plots are drawn when they are
shown, and are not stored.
"""

from wdbc_assets.presentation.plots.calibration import reliability_curves
from wdbc_assets.presentation.plots.comparison import recipes_compared
from wdbc_assets.presentation.plots.decision_curve import decision_curves
from wdbc_assets.presentation.plots.exploration import correlations, distributions, separation
from wdbc_assets.presentation.plots.importance import contribution_curves, importance_by_group, typical_contributions
from wdbc_assets.presentation.plots.metrics import confusion_matrix, roc_curve
from wdbc_assets.presentation.plots.policy import decision_bands
from wdbc_assets.presentation.plots.promotion import differences
from wdbc_assets.presentation.plots.search import cv_curve
from wdbc_assets.presentation.plots.stability import instability, learning_curve
from wdbc_assets.presentation.plots.style import Image, as_markdown

__all__ = [
    "Image",
    "as_markdown",
    "confusion_matrix",
    "contribution_curves",
    "correlations",
    "cv_curve",
    "decision_bands",
    "decision_curves",
    "differences",
    "distributions",
    "importance_by_group",
    "instability",
    "learning_curve",
    "recipes_compared",
    "reliability_curves",
    "roc_curve",
    "separation",
    "typical_contributions",
]
