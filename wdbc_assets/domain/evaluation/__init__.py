"""Model evaluation: metrics, cross-validation, calibration, comparison, quality floors and the decision policy."""
