"""The check that the lock files agree with pyproject.toml reports every kind of difference."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def check_lock() -> ModuleType:
    """The script, which lies in a folder that is no package."""
    spec = importlib.util.spec_from_file_location("check_lock", ROOT / "tools" / "check_lock.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def project(*dependencies: str, dev: tuple[str, ...] = (), build: tuple[str, ...] = ()) -> dict[str, Any]:
    """What pyproject.toml says, for two Pythons."""
    return {
        "build-system": {"requires": list(build)},
        "dependency-groups": {"pip": ["pip>=26"]},
        "project": {
            "dependencies": list(dependencies),
            "optional-dependencies": {"dev": list(dev)},
            "classifiers": ["Programming Language :: Python :: 3.11", "Programming Language :: Python :: 3.12"],
        },
    }


def pin(requirement: str, *, hashes: int = 2, via: str = "wdbc-assets (pyproject.toml)") -> str:
    """Return one entry of a lock file, as uv writes it."""
    lines = [requirement, *(f"    --hash=sha256:{digit:064x}" for digit in range(hashes))]
    return " \\\n".join(lines) + f"\n    # via {via}\n"


GOOD = project("pandas>=3,<4", "Scikit_Learn>=1.9", dev=("pytest>=9", "pandas"), build=("setuptools>=80",))
RUNTIME = "# made by a tool\n" + pin("pandas==3.1.1") + pin("scikit-learn==1.9.1") + pin("setuptools==84.0", via="-r -")
PIP = pin("pip==26.3", via="wdbc-assets (pyproject.toml:pip)")
DEV = pin("pytest==9.2.0") + pin("pluggy==1.7.0", via="pytest")


def test_lock_files_that_agree_give_no_message(check_lock: ModuleType) -> None:
    assert check_lock.differences(GOOD, RUNTIME, DEV, PIP) == []


@pytest.mark.fault("X12")
@pytest.mark.parametrize(
    ("declared", "runtime", "dev", "message"),
    [
        (
            project("pandas", "scikit-learn", "rich>=14", dev=("pytest",)),
            RUNTIME,
            DEV,
            "pyproject.toml requires rich>=14, which requirements.lock does not pin for Python 3.11",
        ),
        (
            project("pandas", "scikit-learn", dev=("pytest", "ruff")),
            RUNTIME,
            DEV,
            "pyproject.toml requires ruff, which requirements-dev.lock does not pin for Python 3.11",
        ),
        (
            project("pandas", "scikit-learn", dev=("pytest",), build=("flit_core",)),
            RUNTIME,
            DEV,
            "pyproject.toml requires flit_core, which requirements.lock does not pin for Python 3.11",
        ),
        (
            project("pandas<3.1", "scikit-learn", dev=("pytest",)),
            RUNTIME,
            DEV,
            "pyproject.toml requires pandas<3.1, but requirements.lock pins 3.1.1 for Python 3.12",
        ),
        (
            project("pandas[excel]", "scikit-learn", dev=("pytest",)),
            RUNTIME,
            DEV,
            "pyproject.toml requires pandas[excel], which requirements.lock does not pin for Python 3.11",
        ),
        (
            project("pandas", dev=("pytest",)),
            RUNTIME,
            DEV,
            "requirements.lock pins scikit-learn for pyproject.toml, which no longer requires it",
        ),
        (
            GOOD,
            RUNTIME.replace("pandas==3.1.1", "pandas==3.1.1 ; python_full_version < '3.12'"),
            DEV,
            "pyproject.toml requires pandas<4,>=3, which requirements.lock does not pin for Python 3.12",
        ),
        (GOOD, RUNTIME + pin("rich==15.0.0", hashes=0, via="pandera"), DEV, "rich has no hash"),
        (GOOD, RUNTIME + pin("rich>=15.0.0", via="pandera"), DEV, "rich is not pinned to one version"),
        (GOOD, RUNTIME + pin("rich==15.*", via="pandera"), DEV, "rich is not pinned to one version"),
        (GOOD, RUNTIME + pin("rich @ file:rich.whl", via="pandera"), DEV, "rich is not pinned to one version"),
        (GOOD, RUNTIME, DEV + pin("pandas==3.0.0"), "pandas is pinned to 3.1.1 and to 3.0.0"),
        (GOOD, "--index-url elsewhere\n" + RUNTIME, DEV, "a lock file contains a line that is not a pinned package"),
        (GOOD, RUNTIME, DEV + "--find-links elsewhere\n", "a lock file contains a line that is not a pinned package"),
    ],
)
def test_each_difference_is_reported(
    check_lock: ModuleType, declared: dict[str, Any], runtime: str, dev: str, message: str
) -> None:
    messages = check_lock.differences(declared, runtime, dev, PIP)
    assert any(text.startswith(message) for text in messages), messages


@pytest.mark.fault("X12")
@pytest.mark.parametrize(
    ("pip", "message"),
    [
        ("", "pyproject.toml requires pip>=26, which requirements-pip.lock does not pin for Python 3.11"),
        (pin("pip==23.2.1"), "pyproject.toml requires pip>=26, but requirements-pip.lock pins 23.2.1 for Python 3.11"),
        (pin("pip==26.3", hashes=0), "pip has no hash"),
        (pin("pip>=26"), "pip is not pinned to one version"),
        ("--index-url elsewhere\n" + PIP, "a lock file contains a line that is not a pinned package"),
    ],
)
def test_pip_itself_is_pinned_too(check_lock: ModuleType, pip: str, message: str) -> None:
    assert any(text.startswith(message) for text in check_lock.differences(GOOD, RUNTIME, DEV, pip))


def test_different_pythons_can_have_different_pins(check_lock: ModuleType) -> None:
    declared = project("numpy>=2")
    both = pin("numpy==2.4 ; python_full_version < '3.12'") + pin("numpy==2.5 ; python_full_version >= '3.12'")
    assert check_lock.differences(declared, both, "", PIP) == []


@pytest.mark.fault("X12")
def test_the_projects_lock_files_agree_until_a_dependency_is_added(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "requirements.lock", "requirements-dev.lock", "requirements-pip.lock"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    command = [sys.executable, str(tmp_path / "tools" / "check_lock.py")]

    before = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (before.returncode, before.stderr) == (0, "")

    asked = tmp_path / "pyproject.toml"
    asked.write_text(asked.read_text().replace("dependencies = [", 'dependencies = [\n  "left-pad>=1",', 1))
    after = subprocess.run(command, check=False, capture_output=True, text=True)
    assert after.returncode == 1
    assert "left-pad>=1" in after.stderr
    assert "make lock" in after.stderr
