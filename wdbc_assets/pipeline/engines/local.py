"""The local engine: a pool of processes on this machine, or this process if one is enough."""

import contextlib
import multiprocessing
import os
import secrets
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from wdbc_assets import logs, temporary_files
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
        with temporary_files.folder() as folder:
            executor = ProcessPoolExecutor(
                processes, mp_context=context, initializer=_initialize_worker, initargs=(run, task, stop, folder)
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
            path = future.result()
        return _read_outcome(path)

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


def _write_outcome(outcome: Any, folder: Path) -> Path:
    """Write an outcome to a file of the folder, in the form of a message between processes; return its path.

    A process may be killed at any time, and the pool of `concurrent.futures` would wait forever for the rest of a
    message of which it has a part. A path is so short that a pipe takes it as a whole.
    """
    path = folder / secrets.token_hex()
    with (
        temporary_files.explained(),
        Connection(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), readable=False) as file,
    ):
        file.send(outcome)
    return path


def _read_outcome(path: Path) -> Any:
    """Return the outcome in a file, and remove it."""
    with Connection(os.open(path, os.O_RDONLY), writable=False) as file:
        outcome = file.recv()
    path.unlink()
    return outcome


_outcome_of_unit: Callable[[Any], Any]
_folder: Path


def _initialize_worker(run: Callable[[Any, Any], Any], task: Any, stop: Connection, folder: Path) -> None:
    global _outcome_of_unit, _folder  # of this process, whose units find them here
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and ends this process
    _outcome_of_unit, _folder = partial(outcome_of, run, task), folder
    threading.Thread(target=_end_with, args=(stop, folder), daemon=True).start()


def _end_with(stop: Connection, folder: Path) -> None:
    """End the process when the pool stops, or the parent has ended: either closes the other end of `stop`."""
    wait([stop])
    shutil.rmtree(folder, ignore_errors=True)  # a parent that was killed does not
    os._exit(1)


def _run_in_worker(unit: Any) -> Path:
    return _write_outcome(_outcome_of_unit(unit), _folder)
