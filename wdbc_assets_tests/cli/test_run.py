"""`wdbc run` as people type it: real processes, real store, real history."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

from wdbc_assets_tests import builders

README = Path(__file__).resolve().parents[2] / "README.md"
EVALUATION_PAGE = README.parent / "docs" / "evaluation.md"
ASSETS = ["raw_data", "clean_frame", "train_test_split", "fitted_pipeline", "metrics"]


def wdbc(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wdbc_assets", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    places = {
        "WDBC_STORAGE": str(folder / "results"),
        "WDBC_LOG": str(folder / "wdbc.jsonl"),
        "DAGSTER_HOME": str(folder / "home"),
    }
    run = wdbc("run", "--grid", "small", **places)
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture
def made(made_once: Path, tmp_path: Path) -> None:
    """A store and a history in which a small run has made all five assets."""
    shutil.copytree(made_once / "results", tmp_path / "results")
    shutil.copytree(made_once / "home", tmp_path / "home", symlinks=True)


def state(**environment: str) -> dict[str, dict[str, object]]:
    printed = wdbc("status", "--json", **environment).stdout
    return {asset["asset"]: asset for asset in json.loads(printed)["assets"] if asset["asset"] in ASSETS}


def versions(**environment: str) -> dict[str, object]:
    return {name: asset["version"] for name, asset in state(**environment).items()}


def test_the_first_run_makes_everything_and_the_second_nothing() -> None:
    assert {asset["reasons"][0] for asset in state().values()} == {"never made"}  # type: ignore[index]
    first = wdbc("run", "--grid", "small")
    assert first.returncode == 0, first.stderr
    assert [line.split()[:2] for line in first.stdout.splitlines()[:5]] == [[name, "made"] for name in ASSETS]
    assert "roc_auc" in first.stdout
    second = wdbc("run", "--grid", "small")
    assert second.returncode == 0, second.stderr
    assert [line.split()[:2] for line in second.stdout.splitlines()[:5]] == [[name, "unchanged"] for name in ASSETS]
    assert all(asset["up_to_date"] for asset in state(WDBC_GRID="small").values())


def test_the_first_run_draws_its_pictures_without_matplotlib() -> None:
    code = (
        "import sys; sys.argv = ['wdbc', 'run', '--grid', 'small']\n"
        "from wdbc_assets import cli\n"
        "try:\n    cli.main()\n"
        "except SystemExit as end:\n"
        "    print('heavy:', sorted({'matplotlib', 'PIL'} & set(sys.modules)), file=sys.stderr)\n"
        "    sys.exit(end.code)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stderr.endswith("heavy: []\n")
    assert run.stdout.count("made") == 5


@pytest.mark.usefixtures("made")
def test_a_changed_parameter_runs_what_depends_on_it_and_nothing_else() -> None:
    assert state(WDBC_GRID="small", WDBC_TEST_SIZE="0.3")["train_test_split"]["reasons"] == [
        "configuration test_size 0.2 -> 0.3"
    ]
    changed = wdbc("run", "--grid", "small", "--test-size", "0.3")
    assert [line.split()[1] for line in changed.stdout.splitlines()[:5]] == [
        "unchanged",
        "unchanged",
        "made",
        "made",
        "made",
    ]


@pytest.mark.usefixtures("made")
def test_force_makes_everything_again_and_finds_the_same_versions() -> None:
    before = versions()
    forced = wdbc("run", "--grid", "small", "--force")
    assert forced.returncode == 0, forced.stderr
    assert forced.stderr.count("runs: forced") == 5
    assert versions() == before


@pytest.mark.fault("F05")
@pytest.mark.usefixtures("made")
def test_a_damaged_file_is_shown_by_status_and_made_again_by_the_next_run(tmp_path: Path) -> None:
    (stored,) = (tmp_path / "results/clean_frame/versions").glob("*/*.parquet")
    content = stored.read_bytes()
    stored.write_bytes(content[:-1])
    reasons = state(WDBC_GRID="small")["clean_frame"]["reasons"]
    assert reasons == ["stored file of clean_frame was altered: its digest does not match the manifest"]
    again = wdbc("run", "--grid", "small")
    assert again.returncode == 0, again.stderr
    assert stored.read_bytes() == content


@pytest.mark.fault("S13")
@pytest.mark.usefixtures("made")
def test_a_source_that_breaks_its_contract_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    before = versions()
    broken = tmp_path / "broken.data"
    lines = builders.bundled_uci_bytes().decode().splitlines()
    lines[6] = lines[6].replace(",M,", ",Mistaken,")
    broken.write_text("\n".join(lines))
    refused = wdbc("run", "--grid", "small", "--source", str(broken))
    assert refused.returncode == 1
    block = refused.stderr[refused.stderr.index("error:") :]
    assert "Traceback" not in refused.stderr
    assert "found: diagnosis_is_m_or_b: row 7, diagnosis: withheld" in block
    assert "hint:" in block
    after = state()
    assert {name: asset["version"] for name, asset in after.items()} == before
    assert after["raw_data"]["refused"]
    assert wdbc("run", "--grid", "small").returncode == 0  # the good source again: nothing is left to be done
    assert state()["raw_data"]["refused"] is None
    assert "made" not in refused.stdout
    assert "Mistaken" not in refused.stderr + (tmp_path / "logs/wdbc.jsonl").read_text()


@pytest.mark.fault("D05")
def test_where_it_is_allowed_the_block_shows_the_value(tmp_path: Path) -> None:
    broken = tmp_path / "broken.data"
    broken.write_bytes(builders.published_with((7, "diagnosis", "Mistaken")))
    refused = wdbc("run", "--source", str(broken), WDBC_SHOW_VALUES="true")
    assert "found: diagnosis_is_m_or_b: row 7, diagnosis: 'Mistaken'" in refused.stderr


def readme_line(beginning: str) -> str:
    """Return the line of the README's sample output that begins like this, with single spaces."""
    pattern = rf"^      ({re.escape(beginning)} .*)$"
    (line,) = re.findall(pattern, README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return " ".join(line.split())


def shown(run: subprocess.CompletedProcess[str]) -> list[str]:
    assert run.returncode == 0, run.stderr
    return [" ".join(line.split()) for line in run.stdout.splitlines()]


@pytest.mark.slow
def test_a_run_prints_the_readmes_sample_and_the_baseline_its_documented_metrics() -> None:
    default = shown(wdbc("run"))
    for line in ("accuracy", "precision", "recall", "of 72 benign"):
        assert readme_line(line) in default
    baseline = shown(wdbc("run", "--recipe", "airflow_baseline"))
    metrics = dict(line.split()[:2] for line in baseline if " Wilson" in line)
    published = {"accuracy": "0.9737", "precision": "0.9756", "recall": "0.9524", "f1": "0.9639"}
    assert published.items() <= metrics.items()
    assert "of 72 benign 71 called benign, 1 malignant; of 42 malignant 40 called malignant, 2 benign" in baseline
    stored = json.loads(wdbc_export("metrics/metrics.json"))
    assert stored["confusion_matrix"] == [[71, 1], [2, 40]]
    sentence = "gives its accuracy 0.9737, precision 0.9756, recall 0.9524 and F1 0.9639"
    assert sentence in " ".join(EVALUATION_PAGE.read_text(encoding="utf-8").split())


def wdbc_export(name: str) -> bytes:
    assert wdbc("export", "exported").returncode == 0
    return Path("exported", name).read_bytes()


def test_wrong_usage_is_exit_code_2() -> None:
    assert wdbc("run", "--recipe", "magic").returncode == 2
    assert wdbc("fly").returncode == 2


def test_a_wrong_setting_is_one_block_and_exit_code_1() -> None:
    refused = wdbc("status", WDBC_TEST_SIZE="2")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: invalid setting: WDBC_TEST_SIZE")


@pytest.mark.fault("O11")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "TERM"])
def test_a_run_that_is_stopped_ends_soon_with_its_exit_code_and_the_next_one_works(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    command = [sys.executable, "-m", "wdbc_assets", "run"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.split()[:1] == ["train_test_split"]:
                break
        running.send_signal(number)
        started = time.monotonic()
        assert running.wait(timeout=20) == code
        assert time.monotonic() - started < 5
    assert state()["fitted_pipeline"]["version"] is None
    assert wdbc("run", "--grid", "small").returncode == 0


@pytest.mark.fault("O03")
@pytest.mark.fault("F10")
def test_a_run_that_was_killed_is_reported_as_failed_by_the_next_one_which_works() -> None:
    command = [sys.executable, "-m", "wdbc_assets", "run"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.split()[:1] == ["train_test_split"]:
                break
        running.kill()
    with dg.DagsterInstance.get() as instance:
        assert [run.status.value for run in instance.get_runs()] == ["STARTED"]
    assert wdbc("run", "--grid", "small").returncode == 0
    with dg.DagsterInstance.get() as instance:
        assert [run.status.value for run in instance.get_runs()] == ["SUCCESS", "FAILURE"]
