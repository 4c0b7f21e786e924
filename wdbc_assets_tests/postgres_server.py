"""PostgreSQL for tests: a real server on a private port, in a temporary folder, with TLS and one table of patients."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wdbc_assets.domain.data import contract
from wdbc_assets.sources import bundled
from wdbc_assets_tests.misbehaving_server.certificates import make_certificate
from wdbc_assets_tests.needed import absent

OWNER, READER, PASSWORD = "postgres", "reader", "canary/Open1"
QUOTED = "canary%2FOpen1"
COLUMNS = ", ".join(
    f"{column.name} { {'int64': 'bigint', 'str': 'text', 'float64': 'double precision'}[column.dtype] }"
    for column in contract.COLUMNS
)


@dataclass(frozen=True)
class Server:
    """The port of a running server, and its certificate."""

    port: int
    certificate: Path

    def url(self, rest: str = "postgres?table=patients", *, port: int | None = None, password: str = QUOTED) -> str:
        """The address of a source, as the user who may only read."""
        return f"postgresql+psycopg://{READER}:{password}@127.0.0.1:{port or self.port}/{rest}"

    def connect(self) -> Any:
        """A connection of the owner, each statement of which is committed."""
        import psycopg

        return psycopg.connect(host="127.0.0.1", port=self.port, user=OWNER, dbname="postgres", autocommit=True)

    def do(self, *statements: str) -> None:
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement)

    def fill(self, table: str = "patients") -> None:
        """Make a table of the published patients, in no order, that the reader may read."""
        rows = [line.split(",") for line in bundled.content().decode().splitlines()]
        with self.connect() as connection:
            connection.execute(f"drop table if exists {table} cascade")
            connection.execute(f"create table {table} ({COLUMNS})")
            with connection.cursor() as cursor, cursor.copy(f"copy {table} from stdin") as copy:
                for row in rows[::-1]:
                    copy.write_row(row)
            connection.execute(f"grant select on {table} to {READER}")

    def connections(self) -> int:
        """How many connections the reader has."""
        with self.connect() as connection:
            found = connection.execute("select count(*) from pg_stat_activity where usename = %s", [READER]).fetchone()
            return int(found[0])


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    here = shutil.which("postgres")
    if not found and here is None:
        absent("PostgreSQL is missing: apt-get install postgresql-15")
    return found[-1].parent if found else Path(str(here)).parent


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Start a server, which does not run as root, and end it by its process id."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="wdbc-postgres-"))
    user = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else None
    data, made = folder / "data", make_certificate(folder, days=2)
    made.key.chmod(0o600)
    for path in (folder, made.pem, made.key):
        if user is not None:
            os.chown(path, user, -1)
    initdb: list[str | Path] = [
        programs / "initdb",
        "-D",
        data,
        "-U",
        OWNER,
        "-A",
        "trust",
        "--no-sync",
        "--no-locale",
        "-E",
        "UTF8",
    ]
    subprocess.run(initdb, check=True, capture_output=True, user=user, cwd=folder)
    (data / "pg_hba.conf").write_text(
        f"host all {OWNER} 127.0.0.1/32 trust\nhost postgres all 127.0.0.1/32 scram-sha-256\n"
    )
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = int(unused.getsockname()[1])
    settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off",
                "ssl": "on", "ssl_cert_file": made.pem, "ssl_key_file": made.key, "max_connections": 20}  # fmt: skip
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, *options], stdout=log, stderr=log, user=user, cwd=folder
        )
        try:
            server = Server(port, made.pem)
            _wait(server, process, folder / "log")
            server.do(f"create role {READER} login password '{PASSWORD}'")
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # ends the connections, too
            process.wait(timeout=30)
            shutil.rmtree(folder, ignore_errors=True)


def _wait(server: Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    import psycopg

    end = time.monotonic() + 30
    while True:
        try:
            server.connect().close()
        except psycopg.OperationalError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        else:
            return


class CuttingProxy:
    """Passes connections on to a server; each of the first `cuts` ends after so many bytes of the server's."""

    def __init__(self, port: int, *, cuts: int, after: int) -> None:
        self._behind, self._cuts, self._after = port, cuts, after
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "CuttingProxy":
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._behind))
                left = self._after if self._cuts > 0 else -1
                self._cuts -= 1
                threading.Thread(target=self._pump, args=(client, server, -1), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, left), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, left: int) -> None:
        with contextlib.suppress(OSError):
            while content := source.recv(4096):
                target.sendall(content)
                if left >= 0 and (left := left - len(content)) < 0:
                    break
        for end in (source, target):  # the other thread waits for them, so that closing them would not end them
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
