"""Looks for problems and sends alerts while the service runs, if channels are configured.

Each look is a process of its own, so that neither its memory nor a channel that hangs is the service's concern.
"""

import logging
import subprocess
import sys
import threading
import time

from wdbc_assets import settings

INTERVAL_SECONDS = 60.0
THREAD = "alert-looks"

_LOOK_SECONDS = 120.0  # a store may hang
_COMMAND = (sys.executable, "-m", "wdbc_assets.orchestration.alerting")

logger = logging.getLogger("wdbc_assets.serving")


def start(options: settings.Settings) -> None:
    """Start the thread that looks once a minute. Without channels of alerts, do nothing."""
    if options.alerts:
        threading.Thread(target=_work, name=THREAD, daemon=True).start()


def _work() -> None:
    reported = ""
    while True:
        time.sleep(INTERVAL_SECONDS)
        problem = look()
        if problem and problem != reported:
            logger.error("alerts are not looked for: %s", problem)
        reported = problem


def look() -> str:
    """Look once, in another process. Return why this failed, or an empty text."""
    try:
        ended = subprocess.run(  # noqa: S603 -- this interpreter and a module of this package
            _COMMAND,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=_LOOK_SECONDS, env=settings.without_metrics(), start_new_session=True, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"it took longer than {_LOOK_SECONDS:g} s"
    except OSError as error:
        return f"no process can be started: {error.strerror}"
    return f"the process ended with code {ended.returncode}" if ended.returncode else ""
