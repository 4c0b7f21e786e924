"""Is a port free? Asked before a server is started, whose own answer would be a traceback."""

import socket

from wdbc_assets.domain.errors import WdbcError

_BACKLOG = 2048


def listen(host: str, port: int, *, hint: str) -> socket.socket:
    """Return a socket that listens there, for a process that this one becomes.

    Two sockets may be bound to one port until one of them listens: only to listen takes it.

    Raises:
        WdbcError: the address cannot be used, or another process listens there.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise WdbcError(f"cannot listen: {error.strerror}", where=f"{host}:{port}", hint=hint) from None
    listening.set_inheritable(True)
    return listening


def refuse_taken(host: str, port: int, *, hint: str) -> None:
    """Raise WdbcError, with that hint, if nothing can listen there."""
    listen(host, port, hint=hint).close()
