"""How good a model is: metrics, cross-validation, calibration, comparison, quality floors, decision policy."""
