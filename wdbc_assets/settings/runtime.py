"""What changes no value, and is part of no manifest: effort, patience, privacy, the service, and who acts."""

import getpass
import ipaddress
import os

from pydantic import BaseModel, Field, field_validator

from wdbc_assets import safe_text
from wdbc_assets.sources import limits as bounds

_ROUTES = frozenset({"v1", "health", "metrics", "docs", "redoc", "pages", "openapi.json"})  # of the service


class Effort(BaseModel):
    """What a computation may use. No part of any manifest: it does not change a value."""

    workers: int | None = Field(None, ge=1, le=256, description="processes of an evaluation; unset: one per processor")

    def processes(self) -> int:
        """Return how many processes may work at once."""
        return self.workers or len(os.sched_getaffinity(0))


class FetchLimits(BaseModel):
    """The limits of every fetch. No part of any manifest: patience does not change the bytes."""

    connect_seconds: float = Field(bounds.DEFAULT.connect_seconds, gt=0, le=600, description="wait for a connection")
    read_seconds: float = Field(bounds.DEFAULT.read_seconds, gt=0, le=600, description="longest silence of a server")
    total_seconds: float = Field(bounds.DEFAULT.total_seconds, gt=0, le=3600, description="all tries together")
    tries: int = Field(bounds.DEFAULT.tries, ge=1, le=20, description="tries for transient errors")
    largest_bytes: int = Field(bounds.DEFAULT.largest_bytes, ge=1, description="largest source, after decompression")

    def limits(self) -> bounds.Limits:
        """Return the limits of a fetch as they are set."""
        return bounds.Limits(**{name: getattr(self, name) for name in FetchLimits.model_fields})


class Privacy(BaseModel):
    """What may be shown of patients. No part of any manifest: it does not change a value."""

    show_values: bool = Field(
        default=False,
        description="show patients' values in failing rows and previews: in the UI, the event log and at the terminal",
    )


class Serving(BaseModel):
    """How the prediction service answers, and what it takes. No part of any manifest."""

    serve_host: str = Field("127.0.0.1", min_length=1, description="address that the service listens on")
    serve_port: int = Field(8000, ge=1, le=65535, description="port that the service listens on")
    serve_root_path: str = Field(
        "",
        pattern=r"^((/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+)?$",
        description="path under which a proxy shows the service, such as /wdbc; whether it removes the prefix or not",
    )
    serve_workers: int = Field(1, ge=1, le=64, description="processes of the service")
    serve_keys: str = Field("keys.json", min_length=1, description="file of the service's keys (hashed)")
    serve_insecure_no_key: bool = Field(
        default=False, description="ask for no key, though there may be some: answer everyone who reaches the address"
    )
    serve_trusted_proxies: str = Field(
        "", description="addresses or networks (CIDR), with commas between, whose X-Forwarded-For names the client"
    )
    serve_breaches: str = Field(
        "refuse", description="measurements that break the contract: refuse (422), or flag (answered, rules named)"
    )
    serve_largest_bytes: int = Field(2 * 2**20, ge=1024, le=2**30, description="largest body, after decompression")
    serve_largest_rows: int = Field(1000, ge=1, le=100_000, description="most patients of a request")
    serve_requests_per_minute: int = Field(6000, ge=1, description="requests of one key to one worker in a minute")
    serve_seconds: float = Field(
        10.0, gt=0, le=600, description="longest that an upload, an answer, or reading it may take"
    )
    serve_concurrent: int = Field(64, ge=1, le=10_000, description="requests, and uploads, of a worker at once")
    serve_challenger_seconds: float = Field(
        10.0, gt=0, le=600, description="longest that a challenger under test may take for what it is given"
    )
    serve_refresh_seconds: float = Field(1.0, ge=0.05, le=600, description="how often champion and keys are looked at")

    @field_validator("serve_root_path")
    @classmethod
    def _not_a_route(cls, path: str) -> str:
        if path and path.split("/")[1] in _ROUTES:
            raise ValueError("this is a path of the service itself; choose another prefix")
        return path

    @field_validator("serve_trusted_proxies")
    @classmethod
    def _known_networks(cls, networks: str) -> str:
        _networks(networks)
        return networks

    def trusted_proxies(self) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        """Return the networks of the proxies whose `X-Forwarded-For` counts."""
        return _networks(self.serve_trusted_proxies)

    @field_validator("serve_breaches")
    @classmethod
    def _known_way(cls, name: str) -> str:
        if name not in ("refuse", "flag"):
            raise ValueError("unknown way; possible: refuse, flag")
        return name


def _networks(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    try:
        return [ipaddress.ip_network(entry.strip()) for entry in text.split(",") if entry.strip()]
    except ValueError:
        raise ValueError("each must be an IP address or a network such as 10.0.0.0/8") from None


class Monitoring(BaseModel):
    """What `wdbc status --check` reports. No part of any manifest."""

    stale_after_hours: float | None = Field(
        None,
        gt=0,
        le=10_000,
        description="`wdbc status --check` reports a remote source that nobody looked at for longer; unset: never",
    )


class Identity(BaseModel):
    """Who acts. No part of any manifest: a value is the same, whoever makes it."""

    actor: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="who is named in the history of promotions; unset: the operating system's user",
    )

    @field_validator("actor")
    @classmethod
    def _visible(cls, name: str | None) -> str | None:
        if name is not None and not name.isprintable():
            raise ValueError("a character in it cannot be printed")
        return name

    def acting_as(self) -> str:
        """Return who is named: as set, or the user's name without the machine's."""
        if self.actor:
            return self.actor
        try:
            return safe_text.one_line(getpass.getuser())[:64] or "unknown"
        except (OSError, KeyError):
            return "unknown"
