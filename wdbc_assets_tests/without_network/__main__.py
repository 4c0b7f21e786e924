"""Inside a new namespace: raises loopback, makes sure that nothing else is there, and becomes the Python asked for."""

import errno
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

from wdbc_assets_tests import without_network

_SIOCSIFFLAGS, _IFF_UP = 0x8914, 0x1


def raise_loopback() -> None:
    """Switch the interface `lo` on, as `ip link set lo up` does, and try it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass


def make_sure_of_no_route() -> None:
    """End with an error unless an address elsewhere cannot even be tried."""
    try:
        socket.create_connection((without_network.NOWHERE, 9), timeout=5).close()
    except OSError as error:
        if error.errno == errno.ENETUNREACH:
            return
        raise
    sys.exit(f"{without_network.NOWHERE} was reached: this is no namespace without a route")


if __name__ == "__main__":
    raise_loopback()
    make_sure_of_no_route()
    folders = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, folders))
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
