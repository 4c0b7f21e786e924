"""A store with all evidence, made once for all tests of a session by the commands that a user types.

Evaluating recipes takes tens of CPU seconds: the workers of a parallel session share one, and who wants to
change it takes a copy.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wdbc_assets import settings

COMMANDS = (("run",), ("explore",), ("evaluate", "--protocol", "quick"), ("promote",), ("report",))
FEW = {"WDBC_BOOTSTRAP_REFITS": "10", "WDBC_LEARNING_SPLITS": "2", "WDBC_IMPORTANCE_REPEATS": "1"}
"""Settings that every test has, because refits take seconds each."""

PLACES = {"WDBC_STORAGE": "results", "WDBC_LOG": "logs/wdbc.jsonl", "DAGSTER_HOME": "home"}


def environment_in(folder: Path) -> dict[str, str]:
    """Return an environment in which store, log and history lie below a folder, and nobody's settings."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith((settings.PREFIX, "DAGSTER_"))
    }
    return inherited | FEW | {name: str(folder / place) for name, place in PLACES.items()}


def wdbc(*arguments: str, folder: Path) -> str:
    """Run the command and return what it printed; it must end well."""
    done = subprocess.run(
        [sys.executable, "-m", "wdbc_assets", *arguments],
        cwd=folder,
        env=environment_in(folder),
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, f"wdbc {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session", autouse=True)
def evidence_ahead(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let one worker of a parallel session make it beside its first tests; those that need it come last."""
    needed = any(
        "evidence_once" in item.fixturenames for item in request.session.items if isinstance(item, pytest.Function)
    )
    if not needed or os.environ.get("PYTEST_XDIST_WORKER") != "gw0":
        yield
        return
    command = [sys.executable, "-m", "wdbc_assets_tests.shared_evidence", str(_shared(tmp_path_factory))]
    with subprocess.Popen(command, cwd=settings.project_root(), stdout=subprocess.DEVNULL) as making:
        yield
        making.terminate()


@pytest.fixture(scope="session")
def evidence_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with store, log and history in which everything was made by default settings; not to be changed."""
    return make_evidence(_shared(tmp_path_factory))


def _shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the temporary folder that all workers of a session share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def make_evidence(session: Path) -> Path:
    """Make it in a session's folder, unless somebody has, and return where it is."""
    folder = session / "evidence"
    with (session / "evidence.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for command in COMMANDS:
                wdbc(*command, folder=folder)
            (folder / "done").touch()
    return folder


@pytest.fixture
def evidence(evidence_once: Path, tmp_path: Path) -> Path:
    """A copy of that, at the places where this test's commands look."""
    for place in PLACES.values():
        source, target = evidence_once / place, tmp_path / place
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return tmp_path


def resume_from(evidence: Path, folder: Path) -> None:
    """Give an empty store the folds and refits that are finished in the evidence, so that only the rest is computed.

    The store stays without a version of any asset: a run makes each of them.
    """
    for parts in (evidence / PLACES["WDBC_STORAGE"]).glob("*/parts"):
        shutil.copytree(parts, folder / parts.parent.name / parts.name)


if __name__ == "__main__":
    make_evidence(Path(sys.argv[1]))
