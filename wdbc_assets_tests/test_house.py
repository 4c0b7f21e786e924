"""The rules of the house: what no file of the project may do, and what its configuration promises.

Each rule is a small scanner, tried first on a line that breaks it: a scanner that finds nothing proves nothing.
"""

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from wdbc_assets import settings

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "wdbc_assets"
# These modules run code that a file contains. They are named here because the package may not import them.
CAN_RUN_WHAT_THEY_READ = {"pickle", "_pickle", "joblib", "cloudpickle", "dill", "marshal", "shelve"}
DAGSTER_NETWORK_AND_DISK = {
    "dagster", "requests", "urllib", "urllib3", "http", "socket", "ssl",
    "fsspec", "upath", "os", "pathlib", "shutil", "tempfile", "glob", "subprocess", "sqlite3",
}  # fmt: skip

Scanner = Callable[[ast.AST], Iterator[str]]


def imported(tree: ast.AST) -> Iterator[str]:
    """Every dotted name that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ways_to_unpickle(tree: ast.AST) -> Iterator[str]:
    yield from (name for name in imported(tree) if name.split(".")[0] in CAN_RUN_WHAT_THEY_READ)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"read_pickle", "to_pickle"}:
            yield node.attr
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            yield "allow_pickle"


def reads_of_the_environment(tree: ast.AST) -> Iterator[str]:
    yield from (name for name in imported(tree) if re.fullmatch(r"os\.(environb?|getenvb?)", name))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.fullmatch(r"os\.(environb?|getenvb?)", ast.unparse(node)):
            yield ast.unparse(node)


def ways_round_the_terminal(tree: ast.AST) -> Iterator[str]:
    yield from (name for name in imported(tree) if re.fullmatch(r"click\.(secho|echo|style|echo_via_pager)", name))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            text = ast.unparse(node)
            if re.fullmatch(r"click\.(secho|echo|style|echo_via_pager)|print|sys\.(stdout|stderr)\.write", text):
                yield text


def what_domain_may_not_touch(tree: ast.AST) -> Iterator[str]:
    for name in imported(tree):
        parts = name.split(".")
        foreign = parts[0] == "wdbc_assets" and parts[1] != "domain"
        if foreign or parts[0].startswith("dagster") or parts[0] in DAGSTER_NETWORK_AND_DISK:
            yield name
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"open", "io.open"}:
            yield "open"


def sins(scanner: Scanner, *paths: Path) -> list[str]:
    """What the scanner finds below the paths, each with its file."""
    files = [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*.py")))]
    return [f"{file.relative_to(ROOT)}: {sin}" for file in files for sin in scanner(ast.parse(file.read_bytes()))]


@pytest.mark.parametrize(
    ("scanner", "line"),
    [
        (ways_to_unpickle, "import pickle"),  # text for the scanner, which must find it; nothing imports it
        (ways_to_unpickle, "def later(): from joblib import load"),
        (ways_to_unpickle, "import dill as innocent"),
        (ways_to_unpickle, "pd.read_pickle(path)"),
        (ways_to_unpickle, "np.load(path, allow_pickle=True)"),
        (reads_of_the_environment, "os.environ['HOME']"),
        (reads_of_the_environment, "home = os.getenv('HOME')"),
        (reads_of_the_environment, "from os import environ"),
        (ways_round_the_terminal, "click.echo('text')"),
        (ways_round_the_terminal, "from click import secho"),
        (ways_round_the_terminal, "click.style(name, bold=True)"),
        (ways_round_the_terminal, "print(name)"),
        (ways_round_the_terminal, "sys.stderr.write(name)"),
        (what_domain_may_not_touch, "import dagster as dg"),
        (what_domain_may_not_touch, "from pathlib import Path"),
        (what_domain_may_not_touch, "import urllib.request"),
        (what_domain_may_not_touch, "from wdbc_assets import settings"),
        (what_domain_may_not_touch, "from wdbc_assets.store import store"),
        (what_domain_may_not_touch, "open('file')"),
    ],
)
def test_each_scanner_finds_what_it_is_for(scanner: Scanner, line: str) -> None:
    assert list(scanner(ast.parse(line)))


@pytest.mark.parametrize(
    ("scanner", "line"),
    [
        (ways_to_unpickle, "np.load(path, allow_pickle=False); import skops.io, json"),
        (reads_of_the_environment, "import os; os.replace(a, b)"),
        (ways_round_the_terminal, "@click.command()\ndef show(): terminal.say(terminal.style(name, bold=True))"),
        (
            what_domain_may_not_touch,
            "from wdbc_assets.domain.data import cleaning; import io, pandas as pd; io.BytesIO()",
        ),
    ],
)
def test_no_scanner_finds_fault_with_what_is_allowed(scanner: Scanner, line: str) -> None:
    assert not list(scanner(ast.parse(line)))


@pytest.mark.fault("X03")
def test_nothing_that_can_run_what_it_reads_is_used_anywhere() -> None:
    assert sins(ways_to_unpickle, PACKAGE, ROOT / "tools") == []


def test_the_environment_is_read_by_the_settings_and_the_command_line_alone() -> None:
    others = [path for path in PACKAGE.iterdir() if path.stem not in {"settings", "cli"} and path.suffix in {"", ".py"}]
    assert sins(reads_of_the_environment, *others) == []


@pytest.mark.fault("X15")
def test_every_command_prints_through_the_terminal_module_alone() -> None:
    commands = [path for path in (PACKAGE / "cli").glob("*.py") if path.stem not in {"terminal", "streams"}]
    assert sins(ways_round_the_terminal, *commands) == []


def test_the_domain_knows_neither_dagster_nor_network_nor_disk_nor_the_rest_of_the_package() -> None:
    assert sins(what_domain_may_not_touch, PACKAGE / "domain") == []


@pytest.mark.fault("X12")
@pytest.mark.parametrize(
    "name",
    [
        "requirements.lock",
        "requirements-dev.lock",
        "requirements-pip.lock",
        "Makefile",
        ".pre-commit-config.yaml",
        ".ci/run",
    ],
)
def test_no_host_is_named_where_packages_come_from(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"(?m)^\s*(--index-url|--extra-index-url|-i|--find-links|-f|--trusted-host)\b", text)


def test_setup_py_is_two_lines() -> None:
    assert (ROOT / "setup.py").read_text(encoding="utf-8") == "from setuptools import setup\nsetup()\n"


def test_every_python_that_is_promised_is_tried() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    promised = [
        match[1] for word in project["project"]["classifiers"] if (match := re.fullmatch(r".* :: (3\.\d+)", word))
    ]
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    tried = re.search(r"(?m)^ +python: (\[.*\])$", workflow)
    assert tried is not None
    assert json.loads(tried[1]) == promised
    assert project["project"]["requires-python"] == f">={promised[0]}"
    assert project["tool"]["mypy"]["python_version"] == promised[0]


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance as the project's dagster.yaml describes it."""
    shutil.copy(settings.INSTANCE_FILE, tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as made:
        yield made


def test_the_instance_keeps_to_itself(instance: dg.DagsterInstance) -> None:
    assert not instance.telemetry_enabled
    assert not instance.nux_enabled


@pytest.mark.fault("T04")
def test_the_instance_ends_a_run_that_takes_longer_than_an_hour(instance: dg.DagsterInstance) -> None:
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_max_runtime_seconds == 3600


def test_the_instance_retries_a_dead_process_a_few_times_and_a_failed_asset_never(instance: dg.DagsterInstance) -> None:
    assert instance.run_retries_enabled
    assert 1 <= instance.run_retries_max_retries <= 3
    assert not instance.run_retries_retry_on_asset_or_op_failure


@pytest.mark.fault("O01")
def test_the_instance_starts_a_run_at_once_instead_of_queueing_it_for_a_daemon(instance: dg.DagsterInstance) -> None:
    assert not isinstance(instance.run_coordinator, dg.QueuedRunCoordinator)


@pytest.mark.slow
def test_dagster_finds_the_definitions_by_itself_in_the_projects_folder(environment: Path) -> None:
    (environment / "home").mkdir()
    shutil.copy(settings.INSTANCE_FILE, environment / "home")
    command = [sys.executable, "-m", "dagster", "definitions", "validate"]
    said = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "Validation successful for code location wdbc_assets." in said.stdout + said.stderr
