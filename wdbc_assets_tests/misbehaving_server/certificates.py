"""Certificates made for one test, by the openssl command."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """A certificate made for one test, signed by itself, with its key."""

    pem: Path
    key: Path


def make_certificate(folder: Path, *, host: str = "IP:127.0.0.1", days: int = 1) -> Certificate:
    """A certificate for `host` (as OpenSSL writes it: IP:... or DNS:...), expired if `days` is -1.

    Raises:
        FileNotFoundError: this machine has no `openssl` command.
    """
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    request, extensions = folder / "request.pem", folder / "extensions.cnf"
    extensions.write_text(f"subjectAltName={host}\nbasicConstraints=critical,CA:TRUE\n")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(made.key)]
    sign = ["-signkey", str(made.key), "-days", str(days), "-extfile", str(extensions)]
    for command in (
        ["req", "-new", *key, "-subj", "/CN=made for a test", "-out", str(request)],
        ["x509", "-req", "-in", str(request), *sign, "-out", str(made.pem)],
    ):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    return made
