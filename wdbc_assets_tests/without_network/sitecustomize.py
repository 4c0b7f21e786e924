"""The witness. Python imports this by itself wherever this folder is on PYTHONPATH: in every process of a command.

Each attempt to connect to another machine, to send it something, or to ask for a name becomes a line of the file that
NETWORK_WITNESS names. Loopback and sockets of the file system are no attempts. It imports nothing of the project.
"""

import ipaddress
import os
import sys
from typing import Any

_SENDING = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_ASKING = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}


def host_of(event: str, arguments: tuple[Any, ...]) -> object:
    """Return the host that an event of Python's audit is about, or None if it is about none."""
    if event in _ASKING:
        return arguments[0]
    if event in _SENDING and isinstance(arguments[1], tuple):  # else a path, or a socket that is connected
        return arguments[1][0]
    return None


def is_here(host: object) -> bool:
    """Return whether a host is this machine by its very name or number."""
    name = host.decode() if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name in {"", "localhost"}


def witness(event: str, arguments: tuple[Any, ...]) -> None:
    """Write an attempt down."""
    host = host_of(event, arguments) if event.startswith("socket.") else None
    if host is not None and not is_here(host):
        with open(os.environ["NETWORK_WITNESS"], "a", encoding="utf-8") as file:  # noqa: PTH123 -- pathlib is heavy
            file.write(f"{event} {host}\n")


if "NETWORK_WITNESS" in os.environ:
    sys.addaudithook(witness)
