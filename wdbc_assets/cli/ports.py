"""Is a port free? Asked before a server is started, whose own answer would be a traceback."""

import socket

from wdbc_assets.domain.errors import WdbcError


def refuse_taken(host: str, port: int, *, mend: str) -> None:
    """Raise WdbcError, with that mend, if nothing can listen there."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise WdbcError(f"cannot listen: {error.strerror}", where=f"{host}:{port}", mend=mend) from None
