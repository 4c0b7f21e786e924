"""Settings of the engine: where the independent units of a computation run. They change no value."""

import os
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, field_validator

from wdbc_assets.loopback import is_loopback
from wdbc_assets.sources.limits import DEFAULT

OWN_CLUSTER = "local"
"""The value of `WDBC_DASK` for a cluster of processes on this machine."""
_ADDRESS = re.compile(r"(?P<scheme>[a-z]+)://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>\d{1,5})")


class Memory(BaseModel):
    """How much of a table is held in memory."""

    rows_in_memory: int = Field(
        DEFAULT.rows_in_memory,
        ge=1,
        description="rows of a table up to which it is held in memory; a larger one is held in temporary files and read"
        " in parts",
    )


class Computing(Memory):
    """The engine of a computation, and the resources that it may use."""

    workers: int | None = Field(
        None,
        ge=1,
        le=256,
        description="number of processes of an evaluation, or of the scoring of a folder; unset: one per processor",
    )
    engine: Literal["auto", "local", "dask"] = Field(
        "auto",
        description="where evaluations run and folders are scored: local (processes of this machine), dask, or auto"
        " (local, but dask for an evaluation of more rows than WDBC_ROWS_IN_MEMORY)",
    )
    dask: str = Field(
        OWN_CLUSTER,
        description="Dask cluster: local (processes of this machine) or the address of a scheduler,"
        " tls://scheduler:8786; tcp:// only on loopback",
    )
    dask_ca: str | None = Field(
        None, min_length=1, description="file of the certificate authority of a tls:// cluster, PEM"
    )
    dask_certificate: str | None = Field(
        None, min_length=1, description="file of this client's certificate for a tls:// cluster, PEM"
    )
    dask_key: str | None = Field(None, min_length=1, description="file of the key of this client's certificate, PEM")
    dask_seconds: float = Field(
        60,
        gt=0,
        le=3600,
        description="seconds without a Dask scheduler, or without any worker, after which a run fails",
    )

    @field_validator("dask")
    @classmethod
    def _safe_address(cls, address: str) -> str:
        if address == OWN_CLUSTER:
            return address
        parts = _ADDRESS.fullmatch(address)
        if parts is None or parts["scheme"] not in ("tls", "tcp") or int(parts["port"]) > 65535:
            raise ValueError("use local, tls://HOST:PORT, or tcp://127.0.0.1:PORT")
        if parts["scheme"] == "tcp" and not is_loopback(parts["host"]):
            raise ValueError(
                "tcp:// is for loopback only: Dask sends pickled tasks, so that anyone who reaches the port could run"
                " any code; use tls:// with certificates"
            )
        return address

    def processes(self) -> int:
        """Return how many processes may run in parallel."""
        return self.workers or len(os.sched_getaffinity(0))

    def dask_files(self) -> dict[str, Path | None]:
        """Return the certificates of a tls:// cluster by the setting that names them."""
        named = {name: getattr(self, name) for name in ("dask_ca", "dask_certificate", "dask_key")}
        return {name: Path(value).expanduser() if value else None for name, value in named.items()}
