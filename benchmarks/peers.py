"""MLflow, which the project is compared with and must not depend on: it lives in a virtual environment of its own.

That is made once, below a folder that git ignores, with the same versions of whatever both use.
"""

import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import click

from benchmarks.measuring import ROOT, LeftOut

MLFLOW = "3.17.2"
# MLflow would do without the two that make uvicorn fast; what is compared is not the loop that both run on.
SAME = ("scikit-learn", "scipy", "numpy", "pandas", "skops", "fastapi", "uvicorn", "uvloop", "httptools")
FOLDER = ROOT / "benchmarks" / ".peers"


def named() -> str:
    """Say which versions MLflow is measured with."""
    return f"MLflow {MLFLOW} with {', '.join(f'{name} {metadata.version(name)}' for name in SAME)}"


def mlflow() -> Path:
    """Return the folder of MLflow's commands; it is installed if it is not there.

    Raises:
        LeftOut: it cannot be installed, as without a network.
    """
    place = FOLDER / f"mlflow-{MLFLOW}"
    wanted = [f"mlflow=={MLFLOW}", *(f"{name}=={metadata.version(name)}" for name in SAME)]
    text = "\n".join([f"python {platform.python_version()}", *wanted])
    made = place / "made-of.txt"  # written last: what is half installed is made again
    if not made.is_file() or made.read_text(encoding="utf-8") != text:
        click.echo(f"making an environment for {wanted[0]}: a minute or two, once ...", err=True)
        shutil.rmtree(place, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(place))
        _run(str(place / "bin" / "python"), "-m", "pip", "install", *wanted)
        made.write_text(text, encoding="utf-8")
    return place / "bin"


def _run(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        # pip's words may name an address: they are for whoever is at the terminal, not for the table.
        click.echo((done.stdout + done.stderr)[-2000:], err=True)
        raise LeftOut(f"mlflow=={MLFLOW} could not be installed on this machine")
