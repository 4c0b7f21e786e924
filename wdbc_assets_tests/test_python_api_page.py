"""The examples of docs/python-api.md: as doctests, and in a notebook."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from wdbc_assets import settings

PAGE = settings.project_root() / "docs" / "python-api.md"


@pytest.fixture
def _store(evidence: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store with all evidence as the one that the settings name."""
    monkeypatch.setenv("WDBC_STORAGE", str(evidence / "results"))
    monkeypatch.setenv("PYTHONPATH", str(settings.project_root()))
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_store")
def test_the_examples_print_what_the_page_says() -> None:
    # In a process of its own, as a user's: contexts of Dagster that other tests left are collected at any time.
    tried = subprocess.run(
        [sys.executable, "-m", "doctest", "-v", str(PAGE)], capture_output=True, text=True, timeout=300, check=False
    )
    assert tried.returncode == 0, tried.stdout
    passed = re.search(r"^(\d+) passed", tried.stdout, re.MULTILINE)
    assert passed, tried.stdout
    assert int(passed[1]) > 15


@pytest.mark.usefixtures("_store")
def test_the_examples_run_in_a_notebook(tmp_path: Path) -> None:
    examples = doctest.DocTestParser().get_examples(PAGE.read_text(encoding="utf-8"))
    cells = [nbformat.v4.new_code_cell(example.source) for example in examples]  # type: ignore[no-untyped-call]
    notebook = nbformat.v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    # The last line of a cell is its output.
    last = notebook.cells[-1].outputs[-1]
    assert last["data"]["text/plain"] == "True"
    assert (tmp_path / "out.parquet").stat().st_size > 0
