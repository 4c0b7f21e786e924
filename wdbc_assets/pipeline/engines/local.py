"""The local engine: a pool of processes on this machine, or this process if one is enough."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection, wait
from typing import Any

from wdbc_assets import logs
from wdbc_assets.pipeline.engines.engine import Pool, Used, WorkerDied, outcome_of


class Local:
    """Runs units in up to `processes` processes of this machine."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self.used: Used | None = None

    @contextlib.contextmanager
    def open(self, run: Callable[[Any, Any], Any], task: Any, *, noun: str, units: int) -> Iterator[Pool]:
        """Start the processes; one unit, or one process, runs in this one. Their end is that of the block."""
        processes = min(self._processes, units)
        self.used = Used("local", f"{processes} process{'' if processes == 1 else 'es'}")
        logs.logger.info("engine: local, %s", self.used.cluster, extra={"event": "note"})
        if processes < 2:
            yield _ThisProcess(run, task)
            return
        context = multiprocessing.get_context("spawn")  # a fork would copy locks held by other threads
        stop, running = context.Pipe(duplex=False)
        executor = ProcessPoolExecutor(
            processes, mp_context=context, initializer=_initialize_worker, initargs=(run, task, stop)
        )
        try:
            yield _Processes(executor, processes, noun)
        except BaseException:  # interrupted: shutdown would wait for the running units and then discard them
            running.close()
            raise
        finally:
            executor.shutdown(cancel_futures=True)
            running.close()
            stop.close()


class _ThisProcess:
    most = 1

    def __init__(self, run: Callable[[Any, Any], Any], task: Any) -> None:
        self._run = run
        self._task = task

    def submit(self, unit: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(outcome_of(self._run, self._task, unit))
        return done

    def result(self, future: Future[Any]) -> Any:
        return future.result()

    def require_alive(self) -> None:
        pass


class _Processes:
    def __init__(self, executor: ProcessPoolExecutor, processes: int, noun: str) -> None:
        self.most = 2 * processes + 2
        self._executor = executor
        self._noun = noun

    def submit(self, unit: Any) -> Future[Any]:
        with self._naming_death():
            return self._executor.submit(_run_in_worker, unit)

    def result(self, future: Future[Any]) -> Any:
        with self._naming_death():
            return future.result()

    def require_alive(self) -> None:
        pass  # a dead process ends every future

    @contextlib.contextmanager
    def _naming_death(self) -> Iterator[None]:
        try:
            yield
        except BrokenProcessPool:
            raise WorkerDied(
                f"a worker process died while it computed {self._noun}, possibly out of memory",
                hint="Try again with `--workers 1` or WDBC_WORKERS=1.",
            ) from None


class _Worker:
    """What a process of the pool runs, and its end.

    It ends between two units, or in the middle of one, but never while it sends an outcome: the pool of `concurrent`
    would wait for the rest of it forever.
    """

    def __init__(self, run: Callable[[Any, Any], Any], task: Any) -> None:
        self._run = run
        self._task = task
        self._guard = threading.Lock()
        self._sending = self._stopped = False

    def outcome(self, unit: Any) -> Any:
        with self._guard:
            self._sending = False
            if self._stopped:
                os._exit(1)
        outcome = outcome_of(self._run, self._task, unit)
        with self._guard:
            self._sending = True  # until the next unit
        return outcome

    def end_with(self, stop: Connection) -> None:
        """End the process when the pool stops, or the parent has ended: either closes the other end of `stop`."""
        wait([stop])
        with self._guard:
            if not self._sending:
                os._exit(1)
            self._stopped = True
        parent = multiprocessing.parent_process()
        if parent is not None:
            wait([parent.sentinel])
            os._exit(1)


_worker: _Worker


def _initialize_worker(run: Callable[[Any, Any], Any], task: Any, stop: Connection) -> None:
    global _worker  # noqa: PLW0603 -- of this process, whose units find it here
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and ends this process
    _worker = _Worker(run, task)
    threading.Thread(target=_worker.end_with, args=(stop,), daemon=True).start()


def _run_in_worker(unit: Any) -> Any:
    return _worker.outcome(unit)
