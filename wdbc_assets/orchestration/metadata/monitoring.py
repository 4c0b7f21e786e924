"""Metadata of the monitoring's assets. Numbers stand alone, so that the UI plots them over the batches."""

from collections import Counter
from typing import TYPE_CHECKING

from wdbc_assets.domain import formatting
from wdbc_assets.orchestration.metadata import parts

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain.data.incoming import IncomingBatch
    from wdbc_assets.domain.monitoring.batch_predictions import BatchPredictions
    from wdbc_assets.domain.monitoring.drift import DriftReport
    from wdbc_assets.domain.monitoring.live import LiveMetrics
    from wdbc_assets.domain.monitoring.rebased import Rebase
    from wdbc_assets.domain.monitoring.served import ServedWindows

_SHOWN_STREAMS = 10
_SHOWN_WINDOWS = 10


def describe_incoming_batch(batch: "IncomingBatch") -> parts.Metadata:
    """Describe a batch: its rows, those that were set aside, and patients without an id."""
    return {
        "rows in the file": batch.rows,
        "set aside": batch.set_aside,
        "without an id": sum(int((part["id"] == "").sum()) for part in batch.patients.parts(["id"])),
    }


def describe_predictions(predictions: "BatchPredictions") -> parts.Metadata:
    """Describe the predictions of a batch: the champion, and how many patients have each outcome."""
    outcomes, above, probabilities = Counter[str](), 0, 0.0
    for part in predictions.patients.parts(["triage", "above_threshold", "probability"]):
        outcomes.update(part["triage"].astype("str"))
        above += int(part["above_threshold"].sum())
        probabilities += float(part["probability"].sum())
    return {
        "champion": formatting.short(predictions.model),
        "recipe": predictions.recipe,
        "policy": predictions.policy,
        "scored too by": formatting.short(predictions.previous_version),
        **{f"triage {outcome}": count for outcome, count in sorted(outcomes.items())},
        "above the threshold": above,
        "mean probability": probabilities / predictions.patients.rows,
    }


def describe_drift_report(report: "DriftReport") -> parts.Metadata:
    """Describe a drift report: the verdict, the streams that moved most, and what could have been found by now."""
    described: parts.Metadata = {
        "verdict": report.verdict,
        "batch rows": report.sketch.rows,
        "reference": "patients of development" if report.rebase is None else _rebased(report.rebase),
        "reference rows": report.reference_rows,
        "earlier batches": report.earlier_batches,
        "threshold": report.threshold,
        "alarms": len(report.alarms),
        "yearly false alarms": f"{report.false_alarms:.1%} of years (+/- {report.false_alarms_error:.1%})",
    }
    if report.streams:
        first = report.streams[0]
        described |= {
            "largest z": abs(first.z),
            "largest z in": f"{first.quantity} {first.aspect}, batches of the window: {first.window}",
            "streams": parts.table(
                ("quantity", "aspect", "z", "batches"),
                [
                    (stream.quantity, stream.aspect, f"{stream.z:+.2f}", stream.window)
                    for stream in report.streams[:_SHOWN_STREAMS]
                ],
            ),
        }
    if report.distances:
        largest = sorted(report.distances, key=lambda distance: -distance.kolmogorov_smirnov)[:_SHOWN_STREAMS]
        described["distances, which raise no alarm"] = parts.table(
            ("quantity", "Kolmogorov-Smirnov", "stability index (PSI)"),
            [
                (distance.quantity, f"{distance.kolmogorov_smirnov:.3f}", f"{distance.stability_index:.3f}")
                for distance in largest
            ],
        )
    if report.detectable is not None:
        described["detectable shift in standard deviations"] = report.detectable
    if report.cause is not None:
        described["cause"] = report.cause
    return described


def _rebased(rebase: "Rebase") -> str:
    return f"{', '.join(rebase.batches)}, accepted at {rebase.since} (entry {rebase.entry} of the history)"


def describe_served_windows(served: "ServedWindows") -> parts.Metadata:
    """Describe the windows of the service: how many, the last ones, and files that could not be read."""
    described: parts.Metadata = {
        "windows": len(served.windows),
        "patients": sum(window.sketch.rows for window in served.windows),
        "damaged files": len(served.damaged),
    }
    if served.windows:
        described["last windows"] = parts.table(
            ("window", "patients", "recipe", "champions", "reference"),
            [
                (
                    window.window,
                    window.sketch.rows,
                    window.recipe,
                    ", ".join(map(formatting.short, window.champions)),
                    formatting.short(window.reference),
                )
                for window in served.windows[: -_SHOWN_WINDOWS - 1 : -1]
            ],
        )
    return described


def describe_served_predictions(predictions: "pd.DataFrame") -> parts.Metadata:
    """Describe the predictions that the service kept."""
    outcomes = predictions["triage"].value_counts()
    return {
        "predictions": len(predictions),
        **{f"triage {outcome}": int(count) for outcome, count in sorted(outcomes.items())},
        "last predicted": str(predictions["predicted_at"].max()) if len(predictions) else "never",
    }


def describe_outcomes(events: "pd.DataFrame") -> parts.Metadata:
    """Describe the recorded outcomes."""
    return {
        "events": len(events),
        "patients": int(events["id"].nunique()),
        "last recorded": str(events["recorded_at"].max()) if len(events) else "never",
    }


def describe_live_metrics(live: "LiveMetrics") -> parts.Metadata:
    """Describe the live metrics: how many outcomes are known, what they say, and of whom they are known."""
    described: parts.Metadata = {
        "verdict": live.verdict,
        "predictions": live.predictions,
        "known outcomes": live.known,
        "outcomes without a prediction": live.unknown_patients,
        "alarms": len(live.scan.alarms),
        "evidence against the recall": live.recall_evidence.largest,
        "known by triage": parts.table(
            ("triage", "predictions", "known"),
            [(arrived.triage, arrived.predictions, arrived.known) for arrived in live.arrived],
        ),
    }
    if live.rollback is not None:
        described |= {
            "evidence for a rollback": live.rollback.evidence,
            "evidence for a rollback from patients": live.rollback.patients,
            "compared with": formatting.short(live.rollback.previous or None),
        }
    described |= {name: metric.value for name, metric in live.metrics.items() if metric.value is not None}
    described |= {f"largest z of the {shift.stream}": shift.z for shift in live.scan.shifts}
    return described
