"""A Dask cluster of this machine's processes, started for a while, and ended in a bounded time."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import signal
import sys
import threading
from functools import partial
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.process import BaseProcess

    import distributed

_CLOSE_SECONDS = 5
"""In which idle workers end by themselves; and after they were killed, the rest of the cluster."""
_KILL_AGAIN_SECONDS = 0.1


@contextlib.contextmanager
def own_cluster(processes: int) -> Iterator[distributed.LocalCluster]:
    """Start a cluster with this number of workers, of which none is left after the block.

    If the block is interrupted or fails, nobody wants the results of running units, so the workers are killed. Dask
    itself would let them go on for 4 s, and would bound neither its start nor its end. Nothing else may start processes
    by `multiprocessing` in the block: they would be killed, too.
    """
    others = set(multiprocessing.active_children())
    with contextlib.ExitStack() as stack:
        with _interruptions_held():
            cluster = _without_workers()
            stack.push(partial(_end, cluster, others))
        # Started by a thread of Dask that does not receive Ctrl-C; this one does, and waits.
        cluster.scale(processes)
        cluster.sync(_all_started, cluster)
        yield cluster


def _without_workers() -> distributed.LocalCluster:
    import distributed

    cluster = distributed.LocalCluster(
        n_workers=0,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        protocol="tls://",
        security=distributed.Security.temporary(),  # without it, every user of this machine could run code in it
        memory_limit=0,  # else a worker would write patients to its disk when memory is short
        dashboard_address="127.0.0.1:0",  # Dask serves pages without bokeh, too, by default on port 8787
        silence_logs=logging.CRITICAL,
    )
    cluster.shutdown_on_close = False  # else a cluster that could not be closed is closed again when Python ends
    return cluster


async def _all_started(cluster: distributed.LocalCluster) -> None:
    await cluster


def _end(
    cluster: distributed.LocalCluster, others: set[BaseProcess], failed: type[BaseException] | None, *_error: object
) -> None:
    """Close the cluster, and kill the workers that are left after a while, and those that Dask starts in their place.

    After an error, which may be an interruption, they are killed immediately.
    """
    if sys.is_finalizing():  # a generator that was left open: threads no longer run, and Dask would wait for its own
        _kill(others)
        return
    closed = threading.Event()

    def close() -> None:
        with contextlib.suppress(Exception):  # of a cluster whose workers are killed, and which ends with this process
            cluster.close()
        closed.set()

    try:
        threading.Thread(target=close, name="dask-close", daemon=True).start()
        closed.wait(0 if failed else _CLOSE_SECONDS)
    finally:  # also if this is interrupted, a second time perhaps
        _kill(others)
    for _ in range(round(_CLOSE_SECONDS / _KILL_AGAIN_SECONDS)):
        if closed.wait(_KILL_AGAIN_SECONDS):
            break
        _kill(others)


def _kill(others: set[BaseProcess]) -> None:
    for process in set(multiprocessing.active_children()) - others:
        process.kill()


@contextlib.contextmanager
def _interruptions_held() -> Iterator[None]:
    """Deliver Ctrl-C after the block. Threads and processes that start in it do not receive it, nor do theirs.

    A terminal sends Ctrl-C to every process. Dask's workers would print their tracebacks; this process ends them.
    """
    resource_tracker.ensure_running()  # otherwise started by a thread of Dask, in which it would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
