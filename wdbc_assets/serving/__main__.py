"""Runs the service: `wdbc serve` becomes this. One process with one worker; else a parent that replaces dead ones."""

import math
import shutil
import signal
import sys

import uvicorn
from uvicorn.supervisors import Multiprocess

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.serving.connections import BoundedConnection

_IDLE_SECONDS = 5  # how long a connection is kept between two requests, and how long a head may take
_FAILED = 3  # what uvicorn's workers end with if they could not start


def main() -> int:
    """Serve until TERM or Ctrl-C; return the exit code."""
    chosen = settings.load()
    config = uvicorn.Config(
        "wdbc_assets.serving.app:create",
        factory=True,
        host=chosen.serve_host,
        port=chosen.serve_port,
        workers=chosen.serve_workers,
        http=BoundedConnection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=math.ceil(min(chosen.serve_seconds, _IDLE_SECONDS)),
        timeout_graceful_shutdown=math.ceil(2 * chosen.serve_seconds),
    )
    sockets = [config.bind_socket()]
    if chosen.serve_workers == 1:
        # uvicorn raises the signal once more when all is answered: ending is what was asked for, and no failure.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        server = uvicorn.Server(config)
        server.run(sockets)
        return 0 if server.started else _FAILED
    supervisor = _Parent(config, sockets)
    supervisor.run()
    return _FAILED if any(process.exitcode == _FAILED for process in supervisor.processes) else 0


class _Parent(Multiprocess):
    """uvicorn's parent of workers, which lets go of the port as soon as it is asked to end."""

    def terminate_all(self) -> None:
        """Tell every worker to end; whoever comes now is turned away at once, not left to wait."""
        for one in self.sockets:
            one.close()
        super().terminate_all()


if __name__ == "__main__":
    try:
        code = main()
    except WdbcError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        code = 130
    finally:
        shutil.rmtree(settings.metrics_folder(), ignore_errors=True)
    sys.exit(code)
