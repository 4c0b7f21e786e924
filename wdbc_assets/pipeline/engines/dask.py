"""The Dask engine: units as tasks on a Dask cluster, of processes on this machine or behind a scheduler.

Dask sends pickled tasks, so anyone who reaches a scheduler can run any code. Between machines it is therefore TLS with
certificates on both sides, and a cluster on this machine has certificates of its own, made for it alone. Nothing that
is stored is unpickled. Every worker must have the same libraries and the same `wdbc_assets` as this process, and run
one unit at a time, so that the results are the same to the last digit.
"""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

from wdbc_assets import logs, machine, settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline.engines import worker_versions
from wdbc_assets.pipeline.engines.dask_client import connected, dashboard, unreachable
from wdbc_assets.pipeline.engines.engine import Lost, Pool, Used, outcome_of
from wdbc_assets.settings.computing import OWN_CLUSTER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future

    import distributed


class Dask:
    """Runs units on the configured Dask cluster."""

    def __init__(self, config: settings.Computing) -> None:
        self._config = config
        self.used: Used | None = None

    @contextlib.contextmanager
    def open(self, run: Callable[[Any, Any], Any], task: Any, *, noun: str, units: int) -> Iterator[Pool]:
        """Connect to the cluster, or start one for this block, and compare its workers with this process.

        Raises:
            WdbcError: the extra is missing, a certificate cannot be used, the scheduler does not answer, there is no
                worker, or a worker differs from this process.
        """
        with connected(self._config, processes=min(self._config.processes(), units)) as client:
            workers = self._compared(client)
            self.used = self._described(client, workers)
            logs.logger.info("engine: dask, %s", self.used.cluster, extra={"event": "note"})
            if self.used.dashboard:
                logs.logger.info("Dask dashboard: %s", self.used.dashboard, extra={"event": "note"})
            yield _Tasks(client, run, task, noun, workers=len(workers), config=self._config)

    def _compared(self, client: distributed.Client) -> dict[str, Mapping[str, Any]]:
        """Return what each worker states of itself; refuse those that differ from this process."""
        try:
            found: dict[str, Any] = client.run(worker_versions.of_this_worker, on_error="return")
        except (OSError, TimeoutError) as error:
            raise unreachable(self._config, error) from None
        here = worker_versions.here()
        for worker, stated in found.items():
            if isinstance(stated, ModuleNotFoundError):
                raise worker_versions.differing(worker, f"it has no module {stated.name}", "which runs here")
            if isinstance(stated, BaseException):
                raise worker_versions.differing(
                    worker, f"it raised {type(stated).__name__}", "when asked for its versions"
                )
            worker_versions.require_same(worker, stated["versions"], here)
        return found

    def _described(self, client: distributed.Client, workers: Mapping[str, Mapping[str, Any]]) -> Used:
        place = "processes of this machine" if self._config.dask == OWN_CLUSTER else self._config.dask
        return Used(
            "dask",
            f"{place}, {len(workers)} worker{'' if len(workers) == 1 else 's'}",
            dashboard=dashboard(client),
            machines=tuple(stated["machine"] for stated in workers.values()),
        )


class _Tasks:
    """Hands units to the cluster. What all of them need is a task, too: a lost worker takes no data with it."""

    def __init__(
        self,
        client: distributed.Client,
        run: Callable[[Any, Any], Any],
        task: Any,
        noun: str,
        *,
        workers: int,
        config: settings.Computing,
    ) -> None:
        self.most = 2 * workers + 2
        self._client = client
        self._executor = client.get_executor(pure=False)
        self._run = run
        self._task = client.submit(held, task, pure=False)
        self._here = worker_versions.here()
        self._noun = noun
        self._config = config
        self._without_workers: float | None = None

    def submit(self, unit: Any) -> Future[Any]:
        with self._naming_loss():
            future: Future[Any] = self._executor.submit(run_on_worker, self._run, self._task, unit, self._here)
        return future

    def result(self, future: Future[Any]) -> Any:
        with self._naming_loss():
            return future.result()

    def require_alive(self) -> None:
        limit = self._config.dask_seconds
        with self._naming_loss():
            workers = self._client.sync(self._client.scheduler.ncores, callback_timeout=limit)
        now = time.monotonic()
        self._without_workers = None if workers else self._without_workers or now
        if self._without_workers is not None and now - self._without_workers > limit:
            raise self._lost(f"the Dask cluster has had no worker for {limit:g} s", "Start workers, and run again.")

    @contextlib.contextmanager
    def _naming_loss(self) -> Iterator[None]:
        import distributed

        try:
            yield
        except distributed.scheduler.KilledWorker:
            raise self._lost(
                f"one of the {self._noun} ended several workers one after another, possibly out of memory",
                "Give the workers more memory, and run again.",
            ) from None
        except (CancelledError, TimeoutError, OSError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and self._client.status == "running":
                raise  # not for a closed client
            raise self._lost(
                "the connection to the Dask scheduler was lost", "Start the scheduler and its workers, and run again."
            ) from None

    def _lost(self, what: str, hint: str) -> Lost:
        return Lost(what, where=self._config.dask, hint=hint)


def held(task: Any) -> Any:
    """Return what all units need. On the cluster it is the result of a task, which is run again if it is lost."""
    return task


def run_on_worker(run: Callable[[Any, Any], Any], task: Any, unit: Any, here: Mapping[str, str]) -> Any:
    """Run one unit on a worker. A worker that joined later, and differs, fails the unit."""
    stated = worker_versions.of_this_worker()
    try:
        worker_versions.require_same(stated["address"], stated["versions"], here)
    except WdbcError as error:
        return error
    try:
        return outcome_of(run, task, unit)
    except OSError as error:  # raised here, it would look like the loss of the scheduler
        return machine.refusal(error) or WdbcError(
            f"a worker cannot read or write: {type(error).__name__}", where=stated["address"]
        )
