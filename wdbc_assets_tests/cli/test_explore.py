"""`wdbc explore` as people type it: a summary that is the stored one, and a second call that starts nothing."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wdbc_assets_tests import builders
from wdbc_assets_tests.cli.test_run import wdbc

pytestmark = pytest.mark.slow

MADE = ["raw_data", "clean_frame", "exploration"]


def stored(folder: Path) -> dict[str, Any]:
    version = json.loads((folder / "results/exploration/current.json").read_text())["version"]
    found: dict[str, Any] = json.loads(
        (folder / f"results/exploration/versions/{version}/exploration.json").read_text(encoding="utf-8")
    )
    return found


def unwrapped(shown: str) -> str:
    return " ".join(shown.split())


def test_the_data_are_explored_once_and_shown_each_time(tmp_path: Path) -> None:
    first = wdbc("explore")
    assert first.returncode == 0, first.stderr
    assert [line.split()[:2] for line in first.stdout.splitlines()[:3]] == [[name, "made"] for name in MADE]
    value = stored(tmp_path)
    assert "569 patients: 357 benign, 212 malignant" in first.stdout
    for finding in value["findings"]:
        assert finding in unwrapped(first.stdout)
    _, _, table = first.stdout.partition("outliers\n")
    rows = [line.split() for line in table.splitlines()[:10]]
    assert rows[0][0] == "perimeter_worst"
    for name, benign, malignant, auc, skew, outliers in rows:
        one = value["measurements"][name]
        assert [benign, malignant] == [f"{one[of]['median']:.4g}" for of in ("benign", "malignant")]
        assert [auc, skew, outliers] == [f"{one['auc']:.4f}", f"{one['skew']:.2f}", str(one["outliers"])]
    for cluster in value["correlation"]["clusters"]:
        assert ", ".join(cluster) in unwrapped(first.stdout)
    assert f"stored in {tmp_path / 'results'}" in first.stdout
    assert " ui, for the plots" in first.stdout

    second = wdbc("explore")
    assert second.returncode == 0, second.stderr
    assert [line.split()[:2] for line in second.stdout.splitlines()[:3]] == [[name, "unchanged"] for name in MADE]
    assert second.stdout.splitlines()[3:] == first.stdout.splitlines()[3:]

    forced = wdbc("explore", "--force")
    assert forced.stderr.count("runs: forced") == 3
    assert stored(tmp_path) == value


def test_a_second_call_imports_neither_dagster_nor_pandas() -> None:
    assert wdbc("explore").returncode == 0
    code = (
        "import sys; sys.argv = ['wdbc', 'explore']\n"
        "from wdbc_assets import cli\n"
        "try:\n    cli.main()\n"
        "except SystemExit as end:\n"
        "    heavy = {'dagster', 'pandas', 'numpy', 'scipy', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "    print('heavy:', sorted(heavy), file=sys.stderr)\n"
        "    sys.exit(end.code)"
    )
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert again.stderr == "heavy: []\n"
    assert "exploration       unchanged" in again.stdout


def test_other_data_give_other_findings_and_bad_data_leave_the_earlier_ones(tmp_path: Path) -> None:
    assert wdbc("explore").returncode == 0
    before = stored(tmp_path)
    source = tmp_path / "wdbc.data"

    source.write_bytes(builders.as_uci_csv(builders.table_of(600)))
    other = wdbc("explore", WDBC_SOURCE=str(source))
    assert other.returncode == 0, other.stderr
    assert "600 patients" in other.stdout
    assert stored(tmp_path)["findings"] != before["findings"]
    assert "always shuffle" not in unwrapped(other.stdout)  # these patients stand in no order

    source.write_bytes(builders.published_with((5, "radius_worst", 0.5)))
    refused = wdbc("explore", WDBC_SOURCE=str(source))
    assert refused.returncode == 1
    assert "worst_is_not_below_mean" in refused.stderr
    assert "patients" not in refused.stdout
    assert stored(tmp_path)["rows"] == 600
