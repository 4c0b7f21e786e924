"""A real HTTP server on loopback that behaves in one stated way per path, and remembers what it was asked.

    with MisbehavingServer() as server:
        client.get(server.url("/busy/2"))       # 503 twice, then the table
        assert server.times_asked("/busy/2") == 3

Each behaviour is a function of `behaviours`; what a client must make of it is asserted in the tests, not here. Any
test may use this server; the fixture `server` of `sources/conftest.py` starts one.
"""

from wdbc_assets_tests.misbehaving_server.behaviours import (
    BOMB_BYTES,
    ETAG,
    LAST_MODIFIED,
    PASSWORD,
    USER,
    gzip_bomb_body,
)
from wdbc_assets_tests.misbehaving_server.certificates import Certificate, make_certificate
from wdbc_assets_tests.misbehaving_server.server import TABLE, MisbehavingServer

__all__ = [
    "BOMB_BYTES",
    "ETAG",
    "LAST_MODIFIED",
    "PASSWORD",
    "TABLE",
    "USER",
    "Certificate",
    "MisbehavingServer",
    "gzip_bomb_body",
    "make_certificate",
]
