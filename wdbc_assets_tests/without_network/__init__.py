"""Python where there is no network but loopback: a namespace without a route, and a witness of attempts to leave it.

The namespace makes sure that nothing gets out, be it Python's or a library's in C. The witness, an audit hook in every
process, tells of what was only tried, and would have failed unseen.

Namespaces need Linux and either root with CAP_SYS_ADMIN or leave for users to make some. A container has neither by
default: Docker grants it by `--cap-add=SYS_ADMIN` and `--cap-add=NET_ADMIN`, as .github/workflows/ci.yml asks.
"""

import subprocess
import sys
from functools import cache
from pathlib import Path

WITNESS = "NETWORK_WITNESS"
"""The variable with the file for the witness to write to."""

NOWHERE = "192.0.2.1"
"""An address that documentation uses and nobody has (RFC 5737)."""

_WAYS = (["--net"], ["--net", "--map-root-user"])


def command(*arguments: str) -> list[str]:
    """Return the command line that runs this interpreter there, with these arguments.

    Raises:
        OSError: no namespace can be made here; the message says what was tried.
    """
    way, message = _way()
    if way is None:
        raise OSError(f"no network namespace can be made here: {message}")
    return _command(way, *arguments)


@cache
def _way() -> tuple[list[str] | None, str]:
    message = []
    for way in _WAYS:
        try:
            tried = subprocess.run(_command(way, "-c", ""), capture_output=True, text=True, check=False, cwd=_ROOT)
        except FileNotFoundError:
            return None, "there is no `unshare` (Debian: apt-get install util-linux)"
        if tried.returncode == 0:
            return way, ""
        message.append(f"unshare {' '.join(way)}: {tried.stderr.strip()}")
    return None, "; ".join(message)


def _command(way: list[str], *arguments: str) -> list[str]:
    return ["unshare", *way, sys.executable, "-m", __name__, *arguments]


_ROOT = Path(__file__).parents[2]
