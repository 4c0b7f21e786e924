"""Run the service; `wdbc serve` execs this module. A single worker is one process; several have a supervisor.

The argument is the file descriptor of the listening socket.
"""

import socket
import sys

from wdbc_assets import logs, settings
from wdbc_assets.serving import access, alert_looks, api_keys, output, run_folder, server
from wdbc_assets.serving.supervisor import Supervisor


def main(listening: socket.socket) -> int:
    """Serve until TERM or Ctrl-C; return the exit code."""
    options = settings.load()
    root = settings.project_root()
    logs.open_log(options.log, relative_to=root)
    alert_looks.start(options)
    if options.serve_workers == 1:
        return server.Server(options).serve_until_stopped(listening)
    path = api_keys.locate(options.serve_keys, relative_to=root)
    with run_folder.temporary():
        return Supervisor(
            server.work,
            listening,
            workers=options.serve_workers,
            shutdown_seconds=server.shutdown_seconds(options),
            tick=lambda: access.require_keys_once_created(path),
        ).run()


if __name__ == "__main__":
    output.open_streams()
    server.end_with(lambda: main(socket.socket(fileno=int(sys.argv[1]))))
