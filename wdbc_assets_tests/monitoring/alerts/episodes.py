"""Builders of occurrences and episodes, and a clock that tests move."""

from datetime import UTC, datetime, timedelta

from wdbc_assets.monitoring.alerts.causes import Occurrence
from wdbc_assets.monitoring.alerts.episodes import Episode
from wdbc_assets.monitoring.alerts.messages import Message

START = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)


def after(**span: float) -> datetime:
    """A time after the start."""
    return START + timedelta(**span)


def occurrence(**overrides: object) -> Occurrence:
    """A failed run of the job train."""
    plain = {"cause": "failed-run", "subject": "job train", "text": "run 0ddba11 failed", "version": "0ddba11"}
    return Occurrence(**{**plain, **overrides})  # type: ignore[arg-type]


def episode(**overrides: object) -> Episode:
    """An open episode that was not reported yet."""
    plain = {
        "id": "failed-run:job-train:0ddba11", "detector": "failed_runs", "cause": "failed-run", "subject": "job train",
        "text": "run 0ddba11 failed", "since": START,
    }  # fmt: skip
    return Episode(**{**plain, **overrides})  # type: ignore[arg-type]


def message(key: str = "a-key", **overrides: str) -> Message:
    """A message."""
    plain = {"key": key, "title": f"title {key}", "body": "a body", "tone": "failure"}
    return Message(**{**plain, **overrides})  # type: ignore[arg-type]
