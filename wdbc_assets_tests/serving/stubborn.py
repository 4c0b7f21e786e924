"""Misbehaving workers: `python -m wdbc_assets_tests.serving.stubborn KIND` runs their supervisor."""

import importlib
import os
import signal
import socket
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

from wdbc_assets.serving import output, server, supervisor

STARTS = "starts"


def hang(listening: socket.socket, beats: Connection) -> None:
    """Send a heartbeat and ignore SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    beats.send_bytes(b"1")
    note_start()
    time.sleep(600)


def crash(listening: socket.socket, beats: Connection) -> None:
    """Send a heartbeat and exit immediately."""
    beats.send_bytes(b"1")
    note_start()
    os._exit(7)


def fail(listening: socket.socket, beats: Connection) -> None:
    """Exit with the code for a failed start."""
    note_start()
    os._exit(server.FAILED)


def note_start() -> None:
    with Path(STARTS).open("a", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")


if __name__ == "__main__":
    # Workers unpickle their function by the name of this module, which runs as `__main__` here.
    stubborn = importlib.import_module("wdbc_assets_tests.serving.stubborn")

    output.open_streams()
    listening = socket.create_server(("127.0.0.1", 0))
    parent = supervisor.Supervisor(
        getattr(stubborn, sys.argv[1]), listening, workers=2, shutdown_seconds=1, tick=lambda: None
    )
    server.end_with(parent.run)
