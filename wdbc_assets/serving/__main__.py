"""Run the service: `wdbc serve` becomes this. One process with one worker; else a parent that replaces those that end.

The argument is the number of the descriptor that listens.
"""

import socket
import sys

from wdbc_assets import logs, settings
from wdbc_assets.serving import access, api_keys, output, run_folder, server
from wdbc_assets.serving.supervisor import Supervisor


def main(listening: socket.socket) -> int:
    """Serve until TERM or Ctrl-C; return the exit code."""
    loaded = settings.load()
    root = settings.project_root()
    logs.open_log(loaded.log, relative_to=root)
    if loaded.serve_workers == 1:
        return server.Server(loaded).serve_until_stopped(listening)
    path = api_keys.place(loaded.serve_keys, relative_to=root)
    with run_folder.held():
        return Supervisor(
            server.work,
            listening,
            workers=loaded.serve_workers,
            ending_seconds=server.ending_seconds(loaded),
            tick=lambda: access.follow(path),
        ).run()


if __name__ == "__main__":
    output.open_streams()
    server.end_with(lambda: main(socket.socket(fileno=int(sys.argv[1]))))
