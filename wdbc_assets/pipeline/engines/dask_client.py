"""The connection to a Dask cluster: one of this machine's processes, started for a while, or one behind a scheduler."""

from __future__ import annotations

import contextlib
import logging
import threading
import warnings
from concurrent.futures import CancelledError, Future
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline.engines.dask_cluster import own_cluster
from wdbc_assets.settings.computing import OWN_CLUSTER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import distributed

_PAGE = "docs/scaling.md"
_CLOSE_SECONDS = 5


@contextlib.contextmanager
def connected(config: settings.Computing, *, processes: int) -> Iterator[distributed.Client]:
    """Connect to the configured cluster, which has at least one worker; end one that was started for this block.

    Raises:
        WdbcError: the extra is missing, a certificate cannot be used, the scheduler does not answer, or there is no
            worker.
    """
    _require_extra()
    import distributed

    with contextlib.ExitStack() as stack:
        stack.enter_context(_quiet())
        cluster: Any = config.dask
        if config.dask == OWN_CLUSTER:
            cluster = stack.enter_context(own_cluster(processes))
            security = cluster.security
        else:
            security = _security(config)
        seconds = config.dask_seconds
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of other versions, which are compared by `worker_versions`
                client = _answered(
                    partial(distributed.Client, cluster, security=security, timeout=seconds, set_as_default=False),
                    seconds=seconds + _CLOSE_SECONDS,
                )
        except (OSError, TimeoutError, ValueError) as error:
            raise unreachable(config, error) from None
        stack.callback(_close, client)
        try:
            client.wait_for_workers(1, timeout=seconds)
        except TimeoutError:
            raise WdbcError(
                f"the Dask cluster had no worker within {_limit(config)}",
                where=config.dask,
                hint=f"Start workers with `dask worker`: {_PAGE}.",
            ) from None
        yield client


def _answered(connect: Callable[[], distributed.Client], *, seconds: float) -> distributed.Client:
    """Return a new client. Dask itself waits forever for a scheduler that accepts a connection and never answers.

    Raises:
        TimeoutError: there is none after that time. The thread that waits for it ends with this process.
    """
    connecting: Future[distributed.Client] = Future()

    def run() -> None:
        try:
            connecting.set_result(connect())
        except BaseException as error:  # noqa: BLE001 -- raised again where the result is awaited
            connecting.set_exception(error)

    threading.Thread(target=run, name="dask-connect", daemon=True).start()
    return connecting.result(seconds)


def unreachable(config: settings.Computing, error: Exception) -> WdbcError:
    """Return the error for a scheduler that does not answer."""
    reason = str(error if isinstance(error, ValueError) else error.__cause__ or "").strip() or "no answer"
    return WdbcError(
        f"the Dask scheduler cannot be reached within {_limit(config)}: {reason}",
        where=config.dask,
        hint=f"Check that it runs, its address, and the certificates of both sides: {_PAGE}.",
    )


def dashboard(client: distributed.Client) -> str:
    """Return the address of the cluster's dashboard; empty if it has none."""
    services = client.scheduler_info()["services"]
    return str(client.dashboard_link) if _has_dashboard() and services.get("dashboard") else ""


def _limit(config: settings.Computing) -> str:
    return f"{config.dask_seconds:g} s ({settings.variable('dask_seconds')})"


def _security(config: settings.Computing) -> distributed.Security | None:
    import distributed

    if config.dask.startswith("tcp://"):
        return None
    files = config.dask_files()
    for name, path in files.items():
        variable = settings.variable(name)
        if path is None:
            raise WdbcError(
                "a tls:// scheduler needs certificates on both sides",
                where=variable,
                hint=f"Set {', '.join(map(settings.variable, files))} to PEM files of the cluster: {_PAGE}.",
            )
        try:
            path.read_bytes()
        except OSError as error:
            raise WdbcError(
                f"{variable} cannot be read: {error.strerror}", where=str(path), hint="Correct the path, or its mode."
            ) from None
    security = distributed.Security(
        tls_ca_file=str(files["dask_ca"]),
        tls_client_cert=str(files["dask_certificate"]),
        tls_client_key=str(files["dask_key"]),
        require_encryption=True,
    )
    try:
        security.get_connection_args("client")
    except (OSError, ValueError) as error:  # of the ssl module
        raise WdbcError(
            f"the certificates of the Dask cluster cannot be used: {getattr(error, 'strerror', None) or error}",
            where=", ".join(str(path) for path in files.values()),
            hint="Use PEM files: the certificate of the authority, this client's certificate, and its key.",
        ) from None
    return security


def _require_extra() -> None:
    try:
        import cryptography  # noqa: F401 -- for the certificates of a cluster of this machine
        import distributed  # noqa: F401
    except ImportError:
        raise WdbcError(
            "the engine `dask` needs the package dask[distributed]",
            where=settings.variable("engine"),
            hint="Install the extra: pip install 'wdbc_assets[dask]', or set WDBC_ENGINE=local.",
        ) from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's own messages off the terminal: what matters is reported as an error."""
    import dask

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):  # the task's table is sent once
        yield


def _close(client: distributed.Client) -> None:
    with contextlib.suppress(OSError, TimeoutError, RuntimeError, CancelledError):
        client.close(timeout=_CLOSE_SECONDS)


def _has_dashboard() -> bool:
    return find_spec("bokeh") is not None
