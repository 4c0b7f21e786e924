"""MLflow, the peer of the service. The project must not depend on it, so it has a virtual environment of its own.

The environment is created once, in a folder that git ignores, with the same versions of shared libraries.
"""

import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import click

from benchmarks.measuring import ROOT, Skipped

MLFLOW = "3.17.2"
# The last two make uvicorn fast. MLflow does not require them, but the event loop is not what is compared.
SAME = ("scikit-learn", "scipy", "numpy", "pandas", "skops", "fastapi", "uvicorn", "uvloop", "httptools")
FOLDER = ROOT / "benchmarks" / ".peers"


def versions() -> str:
    """Return the versions that MLflow is measured with."""
    return f"MLflow {MLFLOW} with {', '.join(f'{name} {metadata.version(name)}' for name in SAME)}"


def mlflow() -> Path:
    """Return the folder of MLflow's commands, installing it if necessary.

    Raises:
        Skipped: it cannot be installed, for example without a network.
    """
    folder = FOLDER / f"mlflow-{MLFLOW}"
    wanted = [f"mlflow=={MLFLOW}", *(f"{name}=={metadata.version(name)}" for name in SAME)]
    text = "\n".join([f"python {platform.python_version()}", *wanted])
    stamp = folder / "made-of.txt"  # written last: an incomplete installation is repeated
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != text:
        click.echo(f"creating an environment for {wanted[0]}: a minute or two, once ...", err=True)
        shutil.rmtree(folder, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(folder))
        _run(str(folder / "bin" / "python"), "-m", "pip", "install", *wanted)
        stamp.write_text(text, encoding="utf-8")
    return folder / "bin"


def _run(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        # pip's output may contain an address, so it is printed and not written into the table.
        click.echo((done.stdout + done.stderr)[-2000:], err=True)
        raise Skipped(f"mlflow=={MLFLOW} could not be installed on this machine")
