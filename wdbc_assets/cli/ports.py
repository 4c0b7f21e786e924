"""Port checks before a server starts, because the server itself would end with a traceback."""

import socket

from wdbc_assets.domain.errors import WdbcError

_BACKLOG = 2048


def listen(host: str, port: int, *, hint: str) -> socket.socket:
    """Return a listening socket for the process that replaces this one.

    Binding alone does not reserve a port: several sockets may be bound to it until one of them listens.

    Raises:
        WdbcError: The address cannot be used, or another process listens on it.
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
    """Raise WdbcError with the given hint if the address is not free."""
    listen(host, port, hint=hint).close()
