"""Inputs of a verification: local and remote sources, changed or missing, and versions of earlier runs."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from wdbc_assets.domain.data import splitting
from wdbc_assets.store.store import Store
from wdbc_assets.verification import Deviation, first_diverged
from wdbc_assets_tests import builders
from wdbc_assets_tests.store.artifacts import snapshot
from wdbc_assets_tests.verification import forging
from wdbc_assets_tests.verification.conftest import Verify
from wdbc_assets_tests.verification.found import changed_values, verdicts


@pytest.mark.fault("T09")
def test_a_changed_cell_of_the_source_is_reported_by_position_without_its_value(
    verify: Verify, source: Path, folder: Path
) -> None:
    before = snapshot(folder)
    source.write_bytes(builders.published_with((22, "texture_worst", "39.2803")))
    found = verify()
    raw = found["raw_data"]
    assert first_diverged(list(found.values())) is raw
    assert [cause.kind for cause in raw.causes] == ["data"]
    (difference,) = raw.differences
    assert difference.cells == ((22, "texture_worst"),)
    assert difference.what == "1 of 18,208 cells: line 22, column texture_worst"
    assert found["clean_frame"].differences[0].cells == ((22, "texture_worst"),)
    assert [cause.kind for cause in found["clean_frame"].causes] == ["input"]
    assert "39.28" not in str(found)
    assert "log_loss.value" in changed_values(found["metrics"])
    assert snapshot(folder) == before


@pytest.mark.fault("T09")
def test_nothing_is_derived_from_a_source_that_breaks_its_contract(verify: Verify, source: Path) -> None:
    source.write_bytes(builders.published_with((7, "diagnosis", "X")))
    found = verify()
    assert found["raw_data"].differences[0].cells == ((7, "diagnosis"),)
    assert verdicts(found)[1] == "not derived"
    assert "diagnosis_is_m_or_b" in found["clean_frame"].reason
    assert verdicts(found)[2:] == ["same"] * 3  # from what their manifests state


def test_lost_lines_are_reported_although_all_later_lines_moved(verify: Verify, source: Path) -> None:
    lines = source.read_bytes().splitlines(keepends=True)
    source.write_bytes(b"".join(lines[:100] + lines[102:]))
    assert verify()["raw_data"].differences[0].what == "lines 101 to 102 lost"


def test_another_notation_of_the_same_cells_is_reported_as_such(verify: Verify, source: Path) -> None:
    first, rest = source.read_bytes().split(b"\n", 1)
    source.write_bytes(first + b"0\n" + rest)
    found = verify()
    assert found["raw_data"].differences[0].what == "no cell differs, but the text of 1 lines: 1"
    assert found["clean_frame"].verdict == "same"
    assert found["clean_frame"].notes == ()


def test_damaged_run_records_do_not_matter_while_the_pointers_are_intact(verify: Verify, folder: Path) -> None:
    for path in (folder / "runs").glob("*/*.json"):
        path.write_bytes(b"{}")
    assert verdicts(verify()) == ["same"] * 5


def test_a_changed_source_setting_is_reported_with_the_cells_that_differ(
    verify: Verify, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.data"
    other.write_bytes(builders.published_with((22, "texture_worst", "39.2803")))
    monkeypatch.setenv("WDBC_SOURCE", str(other))
    raw = verify("raw_data")["raw_data"]
    assert raw.causes == (Deviation("configuration", "source", str(source), str(other)),)
    assert raw.differences[0].cells == ((22, "texture_worst"),)
    source.unlink()  # the original source is not available to isolate the cause
    assert verify("raw_data")["raw_data"].causes == raw.causes


def test_an_input_that_is_no_longer_current_is_read_in_the_version_of_the_run(verify: Verify, store: Store) -> None:
    split = store.handle("train_test_split").load()
    newer = splitting.Split(split.X_test, split.X_train, split.y_test, split.y_train)
    manifest = store.handle("train_test_split").manifest
    draft = store.draft("train_test_split", newer, run_id="run-2", inputs=manifest.inputs)
    assert store.commit(draft, run_id="run-2")
    found = verify("fitted_pipeline", "metrics")
    assert verdicts(found) == ["same"] * 2
    assert f"from train_test_split {manifest.version[:12]}, which is not the current one" in found["metrics"].notes


def test_an_input_that_no_longer_exists_is_reported(verify: Verify, store: Store, folder: Path) -> None:
    manifest = store.handle("clean_frame").manifest
    draft = store.draft("clean_frame", pd.DataFrame({"x": [1]}), run_id="run-2", inputs=manifest.inputs)
    store.commit(draft, run_id="run-2")
    (folder / "runs" / manifest.run_id / "clean_frame.json").unlink()
    found = verify("train_test_split")["train_test_split"]
    assert found.verdict == "not derived"
    assert found.reason == f"its input clean_frame {manifest.version[:12]} no longer exists"


def test_a_missing_source_is_reported_and_the_rest_is_derived_from_stored_inputs(verify: Verify, source: Path) -> None:
    source.unlink()
    found = verify()
    assert verdicts(found) == ["not derived", "same", "same", "same", "same"]
    assert "does not exist" in found["raw_data"].reason


def remote(plain: dict[str, Any]) -> None:
    plain["parameters"]["source"] = plain["origin"]["shown"] = "https://***@127.0.0.1:9/wdbc.data"


def test_a_remote_source_is_fetched_only_with_deep_and_with_its_credentials(verify: Verify, folder: Path) -> None:
    forging.rewrite(folder, "raw_data", remote)
    found = verify("raw_data")["raw_data"]
    assert found.verdict == "same"
    assert found.compared.endswith("compared by the digest of the source")
    assert found.notes == ("its source is remote; `--deep` fetches it",)
    fetched = verify("raw_data", deep=True)["raw_data"]
    assert fetched.verdict == "not derived"
    assert "hides the source's credentials" in fetched.reason


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@pytest.mark.fault("T09")
def test_a_remote_source_is_fetched_with_current_credentials_and_compared(
    verify: Verify, folder: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(source.parent))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_address[1]}/{source.name}"

        def served(plain: dict[str, Any]) -> None:
            plain["parameters"]["source"] = plain["origin"]["shown"] = f"http://***@{address}"

        forging.rewrite(folder, "raw_data", served)
        monkeypatch.setenv("WDBC_SOURCE", f"http://ann:s3cret@{address}")
        assert verify("raw_data", deep=True)["raw_data"].verdict == "same"
        source.write_bytes(builders.published_with((22, "texture_worst", "39.2803")))
        assert verify("raw_data")["raw_data"].verdict == "same"  # nothing was fetched
        changed = verify("raw_data", deep=True)["raw_data"]
        server.shutdown()
    assert [cause.kind for cause in changed.causes] == ["data"]
    assert changed.differences[0].cells == ((22, "texture_worst"),)
    assert "s3cret" not in str(changed)


@pytest.mark.fault("T08")
def test_raw_bytes_that_a_remote_source_did_not_deliver_are_reported(verify: Verify, folder: Path) -> None:
    forging.rewrite(folder, "raw_data", remote)
    forging.forge(folder, "raw_data", "wdbc.data", builders.published_with((3, "radius_mean", "19.7")))
    (cause,) = verify("raw_data")["raw_data"].causes
    assert str(cause) == "stored file wdbc.data is not what the source delivered"


def test_a_remote_source_in_the_settings_is_not_mistaken_for_the_stated_one(
    verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_SOURCE", "https://127.0.0.1:9/wdbc.data")
    found = verify("raw_data")["raw_data"]
    assert found.verdict == "not derived"
    assert "https://127.0.0.1:9/wdbc.data" in found.reason
