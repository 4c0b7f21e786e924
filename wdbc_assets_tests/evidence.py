"""Small evidence for tests: plain content of each artifact, in which no number stands twice."""

from typing import Any


def _interval(value: float) -> dict[str, Any]:
    return {"value": value, "low": value - 0.0312, "high": value + 0.0123, "interval": "wilson"}


def _mean(mean: float) -> dict[str, Any]:
    return {"mean": mean, "sd": 0.0021, "low": mean - 0.0412, "high": mean + 0.0234, "of_folds": mean - 0.0089}


def _calibration() -> dict[str, Any]:
    measures = {
        "slope": 1.18712, "intercept": 0.06312, "observed_expected": 1.00412, "ici": 0.01284, "e50": 0.00543,
        "e90": 0.04511,
    }  # fmt: skip
    return {
        **{name: {"mean": mean, "sd": mean / 17} for name, mean in measures.items()},
        "intercept_low": -0.36321, "intercept_high": 0.51432, "ece": 0.01717, "ece_if_calibrated": {"mean": 0.01653},
    }  # fmt: skip


def _elsewhere(shift: float) -> dict[str, Any]:
    return {
        "prevalence": shift,
        "observed_expected": 0.62591 + shift,
        "log_loss": 0.04717 + shift,
        "offset": -2.42329 + shift,
        "recalibrated_log_loss": 0.02341 + shift,
    }


def _by_quarter(measurement: str) -> dict[str, Any]:
    def groups(first: float) -> dict[str, Any]:
        return {
            "groups": [
                {"smallest": 10.1234 + first + number, "largest": 10.9876 + first + number,
                 "patients": int(100 * first) + number, "share": _interval(first + 0.0191 * number)}
                for number in range(4)
            ]
        }  # fmt: skip

    return {"measurement": measurement, "recall": groups(0.8831), "specificity": groups(0.9217)}


def contents(recipe: str = "logistic") -> dict[str, Any]:
    """Return plain content in the form of the artifacts that a model card cites."""
    metrics = ("accuracy", "precision", "recall", "specificity", "f1", "roc_auc", "pr_auc", "log_loss", "brier")
    figures = {name: 0.9711 - 0.0113 * number for number, name in enumerate(metrics)}
    return {
        "exploration": {
            "rows": 569, "benign": 357, "malignant": 212, "malignant_share": 0.37258, "row_order_auc": 0.67134,
            "correlation": {"clusters": [["radius_mean", "area_mean"], ["texture_mean"]]},
        },
        "fitted_pipeline": {"recipe": recipe, "score": -0.07654, "winner": {"logistic__C": 0.3}},
        "metrics": {"rows": 114, **{name: _interval(value - 0.0057) for name, value in figures.items()}},
        "cross_validation": {
            "repeats": 3, "folds": 10, "patients": 569,
            "recipes": {
                name: {metric: _mean(value + shift) for metric, value in figures.items()}
                for name, shift in (("logistic", 0.0), ("airflow_baseline", -0.0034))
            },
            "differences": [
                {
                    "recipe": "logistic",
                    "minus": "airflow_baseline",
                    "log_loss": _mean(-0.0194),
                    "accuracy": _mean(0.0063),
                }
            ],
            "calibration": {recipe: _calibration()},
            "costly_patients": {recipe: {"patients": 5, "share": 0.38721, "half": 10}},
            "external_validation": {recipe: {"observed_expected": 169, "slope": 449, "events": 168}},
            "subgroups": {recipe: [_by_quarter("radius_mean")]},
            "other_prevalences": {recipe: [_elsewhere(0.1 * number) for number in (1, 2, 4)]},
        },
        "decision_policy": {
            "recall_target": 0.98, "threshold": 0.23456,
            "promise": {"expected": 0.98246, "low": 0.96343, "confidence": 0.95}, "training": {"rows": 455},
            "test": {
                "recall": _interval(0.9761), "specificity": _interval(0.9305), "ppv": _interval(0.8913),
                "npv": _interval(0.9853), "referred": _interval(0.0701),
                "coverage": {"malignant": _interval(0.9523), "benign": _interval(0.9861)},
            },
            "out_of_fold": {"referred": _interval(0.0659)},
        },
        "importance": {
            "groups": [
                {"cluster": name, "permuted": _mean(0.1234 - 0.0111 * number), "without": _mean(0.0234)}
                for number, name in enumerate(("size", "shape", "texture"))
            ]
        },
        "stability": {
            "refits": 200, "error": 0.01688, "class_changes": 0.01003,
            "log_loss": {"apparent": 0.05339, "corrected": 0.08169},
            "roc_auc": {"apparent": 0.99745, "corrected": 0.99491},
            "slope": {"mean": 1.02697, "sd": 0.32027},
            "learning": [{"log_loss": _mean(0.0337)}, {"log_loss": _mean(0.0111)}],
        },
    }  # fmt: skip


def versions() -> dict[str, str]:
    """Return a digest for each artifact."""
    return {name: f"{number:064x}" for number, name in enumerate(contents())}
