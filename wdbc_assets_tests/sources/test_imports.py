"""Naming a source and reading a local one costs no import of a network library."""

import subprocess
import sys
from pathlib import Path

import pytest

import wdbc_assets

HEAVY = ("requests", "urllib3", "fsspec", "sklearn", "pandas", "numpy", "ssl")


@pytest.mark.parametrize(
    "code",
    [
        "from wdbc_assets import sources",
        "from wdbc_assets import sources; sources.parse('bundled').fetch()",
        "from wdbc_assets import sources; sources.parse(__import__('os').__file__).fingerprint()",
        "from wdbc_assets import sources; sources.parse('https://example.org/wdbc.data')",
    ],
)
def test_no_heavy_library_is_imported(code: str) -> None:
    message = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print([name for name in {HEAVY} if name in sys.modules])"],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(wdbc_assets.__file__).parents[1],
    )
    assert message.stdout.strip() == "[]"
