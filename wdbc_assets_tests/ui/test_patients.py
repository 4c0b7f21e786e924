"""Canary patients: read, modelled and refused, and searched for in every place where people look.

The data themselves are exempt, for they are what the platform is to keep: the versions of the tables, and the tables
that `wdbc export` writes. So are the parts of an evaluation and its predictions, of which this test makes none.
"""

import json
import subprocess
from pathlib import Path

import pytest

from wdbc_assets import settings
from wdbc_assets.domain.data import cleaning, reading, splitting
from wdbc_assets_tests import builders
from wdbc_assets_tests.ui import dagster_ui, queries

pytestmark = pytest.mark.slow

COMMANDS = [
    ["run"],
    ["explore"],
    ["report"],
    ["status"],
    ["status", "--json"],
    ["export", "exported"],
    ["verify"],
]
"""What is done with the good patients; none of it may show one."""

DATA = (
    "sources",
    *(f"results/{asset}/versions" for asset in ("raw_data", "clean_frame", "train_test_split")),
    "exported/raw",
    "exported/train_test",
)
"""Folders whose files are the data."""


def in_a_preview() -> tuple[int, int]:
    """The lines of two patients that previews show: the first of the file, and the first of the training part."""
    training, _ = splitting.split(cleaning.clean(reading.read(builders.bundled_uci_bytes()))).rows()
    return 1, int(training[0]) + 1


GOOD = dict(
    zip(
        in_a_preview(),
        ({"id": "913370011", "texture_mean": "10.4177"}, {"id": "913370012", "texture_mean": "15.9177"}),
        strict=True,
    )
)
BROKEN = [
    (5, "radius_worst", "0.541377"),
    (7, "diagnosis", "canary-diagnosis"),
    (11, "area_se", "canary-text"),
    (21, "id", "913370021"),
    (22, "id", "913370021"),
    (23, "id", "913370023.5"),
    (31, "smoothness_se", "-0.771377"),
]
FOREIGN = {
    "row.data": b"canary-patient," + b",".join(b"canary-%d" % number for number in range(31)) + b"\n",
    "page.data": b"<html><title>Patient 913370031</title></html>",
}
SHOWN_IN_PREVIEWS = [good["texture_mean"] for good in GOOD.values()]
SHOWN_AS_FOUND = [text for _, _, text in BROKEN]
CANARIES = [text for good in GOOD.values() for text in good.values()] + SHOWN_AS_FOUND + ["canary-patient", "913370031"]


def sinks(folder: Path, **chosen: str) -> dict[str, str]:
    """Run good and broken patients through the platform; give the text of each place where people look."""
    sources = folder / "sources"
    sources.mkdir()
    changes = [(line, column, text) for line, good in GOOD.items() for column, text in good.items()]
    (sources / "good.data").write_bytes(builders.published_with(*changes))
    (sources / "broken.data").write_bytes(builders.published_with(*changes, *BROKEN))
    for name, content in FOREIGN.items():
        (sources / name).write_bytes(content)
    surroundings = dagster_ui.surroundings(folder, WDBC_GRID="small", WDBC_SOURCE=str(sources / "good.data"), **chosen)
    said = [_wdbc(folder, surroundings, *command) for command in COMMANDS]
    for name in ("broken.data", *FOREIGN):
        said.append(_wdbc(folder, surroundings, "run", "--source", str(sources / name), code=1))
        said.append(_wdbc(folder, surroundings, "status"))
    with dagster_ui.running_ui(surroundings) as ui:
        shown = json.dumps(ui.ask(queries.EVERYTHING), ensure_ascii=False)
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {
        "stdout and stderr": "".join(said),
        "pages of the UI": shown,
        **{name: path.read_bytes().decode("latin-1") for name, path in files.items() if not name.startswith(DATA)},
    }


@pytest.mark.fault("X02")
def test_no_value_and_no_id_of_a_patient_is_found_in_any_of_eight_sinks(tmp_path: Path) -> None:
    searched = sinks(tmp_path)
    assert found(searched) == {}
    # Each sink is one where something stands, so that a search in the wrong place is noticed.
    for name in ("stdout and stderr", "pages of the UI"):
        assert "WDBC_SHOW_VALUES=true shows them" in searched[name]
    for ending, standing in {
        "stdout and stderr": "worst_is_not_below_mean: row 5, radius_worst",
        "pages of the UI": "line 5, column radius_worst",
        ".db": "radius_worst",
        ".jsonl": "line 7, column diagnosis",
        "raw_data/current.json": "worst_is_not_below_mean",
        "metrics/current.json": "digest",
        "exported/metrics/metrics.json": "roc_auc",
        "refused.json": "an HTML page",
    }.items():
        assert any(standing in text for name, text in searched.items() if name.endswith(ending)), ending


@pytest.mark.nightly
def test_where_it_is_allowed_the_same_search_finds_them(tmp_path: Path) -> None:
    hits = found(sinks(tmp_path, WDBC_SHOW_VALUES="true"))
    assert set(SHOWN_AS_FOUND) <= set(hits["stdout and stderr"])
    assert {*SHOWN_AS_FOUND, *SHOWN_IN_PREVIEWS} <= set(hits["pages of the UI"])
    assert any(name.endswith(".db") for name in hits)
    assert [name for name in hits if name.endswith((".jsonl", "current.json", "refused.json"))] == []


def found(searched: dict[str, str]) -> dict[str, list[str]]:
    hits = {name: [canary for canary in CANARIES if canary in text] for name, text in searched.items()}
    return {name: canaries for name, canaries in hits.items() if canaries}


def _wdbc(folder: Path, surroundings: dict[str, str], *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        dagster_ui.command("wdbc_assets", *arguments),
        cwd=folder,
        env=surroundings | {"PYTHONPATH": str(settings.project_root())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr
