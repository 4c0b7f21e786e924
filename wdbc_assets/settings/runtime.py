"""Settings that change no value and appear in no manifest: limits, privacy, service, alerts, actor."""

import dataclasses
import getpass
import ipaddress
from typing import Literal

from pydantic import BaseModel, Field, field_validator

from wdbc_assets import safe_text
from wdbc_assets.settings import alert_channels as channels
from wdbc_assets.settings.computing import Memory
from wdbc_assets.sources import limits as bounds

_ROUTES = frozenset({"v1", "health", "metrics", "docs", "redoc", "pages", "openapi.json"})  # of the service


class FetchLimits(Memory):
    """The limits of every fetch."""

    connect_seconds: float = Field(
        bounds.DEFAULT.connect_seconds, gt=0, le=600, description="timeout for a connection, in seconds"
    )
    read_seconds: float = Field(
        bounds.DEFAULT.read_seconds, gt=0, le=600, description="timeout for a read from the server, in seconds"
    )
    total_seconds: float = Field(
        bounds.DEFAULT.total_seconds,
        gt=0,
        le=3600,
        description="time limit of a fetch, all attempts together, in seconds",
    )
    tries: int = Field(bounds.DEFAULT.tries, ge=1, le=20, description="maximum number of attempts on transient errors")
    largest_bytes: int = Field(
        bounds.DEFAULT.largest_bytes, ge=1, description="maximum size of the source after decompression, in bytes"
    )

    def limits(self) -> bounds.Limits:
        """Return the configured limits of a fetch."""
        return bounds.Limits(**{name: getattr(self, name) for name in FetchLimits.model_fields})

    def quick_limits(self) -> bounds.Limits:
        """Return the limits of a sensor's look: one short attempt at content of the configured size."""
        return dataclasses.replace(bounds.QUICK, largest_bytes=self.largest_bytes, rows_in_memory=self.rows_in_memory)


class Privacy(BaseModel):
    """What may be shown about patients."""

    show_values: bool = Field(
        default=False,
        description="show patients' values of failing rows and previews in the UI, the event log and the terminal",
    )


class Serving(BaseModel):
    """The prediction service."""

    serve_host: str = Field("127.0.0.1", min_length=1, description="address the service listens on")
    serve_port: int = Field(8000, ge=1, le=65535, description="port the service listens on")
    serve_root_path: str = Field(
        "",
        pattern=r"^((/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+)?$",
        description="path prefix behind a reverse proxy, such as /wdbc; the proxy may strip it or not",
    )
    serve_workers: int = Field(1, ge=1, le=64, description="number of worker processes")
    serve_keys: str = Field("keys.json", min_length=1, description="file of the hashed API keys")
    serve_insecure_no_key: bool = Field(
        default=False,
        description="disable authentication, even if API keys exist: anyone who can reach the address is served",
    )
    serve_trusted_proxies: str = Field(
        "",
        description="comma-separated addresses or networks (CIDR) of proxies whose X-Forwarded-For is trusted",
    )
    serve_breaches: str = Field(
        "refuse",
        description="requests that violate the data contract: refuse (422) or flag (score and name the violated rules)",
    )
    serve_largest_bytes: int = Field(
        2 * 2**20, ge=1024, le=2**30, description="maximum size of a request body after decompression, in bytes"
    )
    serve_largest_rows: int = Field(1000, ge=1, le=100_000, description="maximum number of patients in a request")
    serve_requests_per_minute: int = Field(
        6000, ge=1, description="rate limit: requests per minute for each key and worker"
    )
    serve_seconds: float = Field(
        10.0,
        gt=0,
        le=600,
        description="timeout of a request, for its upload, its processing and its download each, in seconds",
    )
    serve_concurrent: int = Field(
        64, ge=1, le=10_000, description="maximum number of concurrent requests, and of concurrent uploads, per worker"
    )
    serve_challenger_seconds: float = Field(
        10.0, gt=0, le=600, description="timeout of a challenger for each request, in seconds"
    )
    serve_refresh_seconds: float = Field(
        1.0, ge=0.05, le=600, description="interval between checks for a new champion or changed keys, in seconds"
    )

    serve_sketches: bool = Field(
        default=True,
        description="watch the drift of the service's patients: keep sums over at least 30 of them, and no patient",
    )
    serve_keep_predictions: bool = Field(
        default=False,
        description="keep each prediction under a pseudonym of the request's id, to compare it with an outcome that"
        " becomes known later; measurements are never kept",
    )

    @field_validator("serve_root_path")
    @classmethod
    def _not_a_route(cls, path: str) -> str:
        if path and path.split("/")[1] in _ROUTES:
            raise ValueError("this path belongs to the service itself; use another prefix")
        return path

    @field_validator("serve_trusted_proxies")
    @classmethod
    def _known_networks(cls, networks: str) -> str:
        _networks(networks)
        return networks

    def trusted_proxies(self) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        """Return the networks of the proxies whose `X-Forwarded-For` header is used."""
        return _networks(self.serve_trusted_proxies)

    @field_validator("serve_breaches")
    @classmethod
    def _known_mode(cls, name: str) -> str:
        if name not in ("refuse", "flag"):
            raise ValueError("unknown mode; possible: refuse, flag")
        return name


def _networks(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    try:
        return [ipaddress.ip_network(entry.strip()) for entry in text.split(",") if entry.strip()]
    except ValueError:
        raise ValueError("each must be an IP address or a network such as 10.0.0.0/8") from None


class Monitoring(BaseModel):
    """What `wdbc status --check` reports, and the batches that are watched."""

    inbox: str = Field("inbox", min_length=1, description="folder in which files with new patients arrive")
    pseudonym_key_file: str = Field(
        "pseudonym.key",
        min_length=1,
        description="file of the key by which ids of patients are replaced, created if missing; relative to Dagster's"
        " home",
    )
    auto_rollback: Literal["off", "guard"] = Field(
        "off",
        description="guard: on evidence from the outcomes, restore the previous champion, or refer every patient to a"
        " person; off: only report it",
    )
    keep_batches_days: float | None = Field(
        None,
        gt=0,
        le=100_000,
        description="days for which the patients of a batch, and the files of the inbox, are kept; unset: forever",
    )
    keep_predictions_days: float | None = Field(
        None, gt=0, le=100_000, description="days for which the predictions for a batch are kept; unset: forever"
    )
    stale_after_hours: float | None = Field(
        None,
        gt=0,
        le=10_000,
        description="hours without a check of a remote source before `wdbc status --check` reports it; unset: never",
    )


class Retraining(BaseModel):
    """When the champion is retrained, and who promotes the refit."""

    auto_promote: Literal["off", "evidence"] = Field(
        "off", description="promotion of a refit that is better than the champion: off (a person does it) or evidence"
    )
    retrain_after_days: int | None = Field(
        180, ge=1, le=10_000, description="days after which a retraining is wanted in any case"
    )
    retrain_new_patients: int | None = Field(
        300, ge=1, description="number of new diagnoses for which a retraining is wanted"
    )
    retrain_cooling_days: int = Field(28, ge=0, le=10_000, description="days between two retrainings, at least")
    retrain_most_per_year: int = Field(6, ge=0, le=1000, description="maximum number of retrainings within a year")


class Alerts(BaseModel):
    """Who is alerted of problems, and when."""

    alerts: str | None = Field(
        None,
        repr=False,
        description="channels of alerts by severity: error=URL,URL warning=URL, as Apprise reads the URLs; unset: none",
    )
    alerts_remind_hours: float = Field(
        24, gt=0, le=10_000, description="hours between two reminders of an open alert that nobody acknowledged"
    )
    alerts_free_bytes: int = Field(2**30, ge=0, description="free disk space below which an alert is raised, in bytes")

    @field_validator("alerts")
    @classmethod
    def _well_formed(cls, text: str | None) -> str | None:
        if text is not None:
            channels.parse(text)
        return text

    def alert_channels(self) -> tuple[channels.AlertChannel, ...]:
        """Return the channels of alerts."""
        return channels.parse(self.alerts or "")


class Identity(BaseModel):
    """Who acts."""

    actor: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="name recorded in the audit log of promotions; unset: the operating system's user",
    )

    @field_validator("actor")
    @classmethod
    def _visible(cls, name: str | None) -> str | None:
        if name is not None and not name.isprintable():
            raise ValueError("it contains a non-printable character")
        return name

    def acting_as(self) -> str:
        """Return the configured actor, or else the operating system's user name without the host name."""
        if self.actor:
            return self.actor
        try:
            return safe_text.one_line(getpass.getuser())[:64] or "unknown"
        except (OSError, KeyError):
            return "unknown"
